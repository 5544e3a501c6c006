// Stands in for csrc/cuda/device/mbarrier.h.
//
// What a copy brings (tma.h) comes at once, or when somebody waits on its barrier: emulator::early() says which. So a
// wait that is missing shows in one order of the threads, and a buffer that is filled again too soon in another.
#pragma once
#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include "cuda/device/hopper.h"

namespace hotloop {

struct alignas(8) Mbarrier {
  std::uint16_t expected;
  std::uint16_t waiting_for : 15, parity : 1;
  std::int32_t bytes;  // announced and not arrived; less than zero where they come first
};

}  // namespace hotloop

namespace emulator {

using hotloop::Mbarrier;

inline void mbarrier_check(const Mbarrier* barrier) {
  if (barrier->expected == 0xcbcb || barrier->expected == 0) fail("an mbarrier is used before it is set up");
}
inline void mbarrier_step(Mbarrier* barrier) {
  if (barrier->waiting_for != 0 || barrier->bytes != 0) return;
  barrier->waiting_for = barrier->expected;
  barrier->parity = barrier->parity == 0;
}
inline void mbarrier_arrive(Mbarrier* barrier, int bytes) {
  mbarrier_check(barrier);
  if (barrier->waiting_for == 0) fail("more threads arrive at an mbarrier than it waits for");
  barrier->bytes += bytes;
  barrier->waiting_for = static_cast<std::uint16_t>((barrier->waiting_for - 1) & 0x7fff);
  mbarrier_step(barrier);
}

// Copies on their way.
struct Copies final : Attachment {
  struct Copy {
    Mbarrier* barrier;
    std::function<int()> bring;  // returns the number of bytes
  };
  std::vector<Copy> pending;

  static Copies& of_cluster() {
    std::unique_ptr<Attachment>& kept = attachment(Place::copies);
    if (!kept) kept = std::make_unique<Copies>();
    return static_cast<Copies&>(*kept);
  }
  static void land(const Copy& copy) {
    mbarrier_check(copy.barrier);
    copy.barrier->bytes -= copy.bring();
    mbarrier_step(copy.barrier);
  }
  void start(Mbarrier* barrier, std::function<int()> bring) {
    Copy copy{barrier, std::move(bring)};
    if (early())
      land(copy);
    else
      pending.push_back(std::move(copy));
  }
  void land_at(const Mbarrier* barrier) {
    std::vector<Copy> now;
    const auto theirs = [barrier](const Copy& copy) { return copy.barrier == barrier; };
    std::copy_if(pending.begin(), pending.end(), std::back_inserter(now), theirs);
    pending.erase(std::remove_if(pending.begin(), pending.end(), theirs), pending.end());
    for (const Copy& copy : now) land(copy);
  }
  void finished() override {
    if (!pending.empty()) fail("a block returned before a copy into its shared memory had come");
  }
};

}  // namespace emulator

namespace hotloop {
namespace {

inline void mbarrier_init(Mbarrier* barrier, unsigned arrivals) {
  *barrier = {static_cast<std::uint16_t>(arrivals), static_cast<std::uint16_t>(arrivals & 0x7fff), 0, 0};
}
inline void mbarriers_ready() {}
inline void mbarrier_arrive_expecting(Mbarrier* barrier, unsigned bytes) {
  emulator::mbarrier_arrive(barrier, static_cast<int>(bytes));
}
inline void mbarrier_arrive(Mbarrier* barrier, int rank) {
  emulator::mbarrier_arrive(static_cast<Mbarrier*>(emulator::shared_of(rank, barrier)), 0);
}
inline void mbarrier_wait(Mbarrier* barrier, unsigned parity) {
  emulator::mbarrier_check(barrier);
  emulator::wait_until(
      [barrier, parity] {
        emulator::Copies::of_cluster().land_at(barrier);
        return barrier->parity != parity;
      },
      "an mbarrier");
}

}  // namespace
}  // namespace hotloop
