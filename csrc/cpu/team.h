// The team of threads that walks a program, and the only parallelism in the library. Inside one call of
// run_team threads meet at the team's own barrier.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "base/types.h"

namespace hotloop {

class Barrier {
 public:
  explicit Barrier(int size) : size_(size) {}
  void wait();

 private:
  const int size_;
  // Caches fetch lines in pairs.
  alignas(128) std::atomic<int> arrived_{0};
  alignas(128) std::atomic<unsigned> phase_{0};
};

// Work that goes from rank to rank: each waits until the one before it has come as far.
class Relay {
 public:
  void reserve(int ranks) {
    if (ranks > ranks_) places_ = std::make_unique<Place[]>(static_cast<std::size_t>(ranks_ = ranks));
  }
  // Outside the team.
  void reset() {
    for (int i = 0; i < ranks_; ++i) places_[static_cast<std::size_t>(i)].mark.store(0);
  }
  // Marks only grow until the next reset.
  void pass(int rank, std::uint64_t mark) {
    places_[static_cast<std::size_t>(rank)].mark.store(mark, std::memory_order_release);
  }
  void wait_for(int rank, std::uint64_t mark) const;

 private:
  struct alignas(64) Place {
    std::atomic<std::uint64_t> mark{0};
  };
  int ranks_ = 0;
  std::unique_ptr<Place[]> places_;
};

// What one thread of the team holds.
class Team {
 public:
  Team(int rank, int size, Barrier& meeting) : share_{rank, size}, meeting_(meeting) {}
  int rank() const { return share_.rank; }
  int size() const { return share_.size; }
  Share share() const { return share_; }
  void barrier() const {
    if (share_.size > 1) meeting_.wait();
  }

 private:
  Share share_;
  Barrier& meeting_;
};

// Runs body(team) on `threads` threads (this one is rank 0) and returns when all have finished. body must not
// throw on ranks above 0; an exception of rank 0 would leave the others waiting, so it must not either.
// Runs on this thread alone inside another team, and while another thread's team is at work.
void run_team(int threads, void (*body)(void* context, Team& team), void* context);
template <class Body>
void run_team(int threads, Body&& body) {
  run_team(
      threads,
      [](void* context, Team& team) { (*static_cast<std::remove_reference_t<Body>*>(context))(team); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// Threads a call may use: set_num_threads, else HOTLOOP_NUM_THREADS, else OMP_NUM_THREADS, as they were when
// first asked for, else the CPUs that the affinity mask and the container's quota leave to this process.
int num_threads();
void set_num_threads(int threads);  // throws std::invalid_argument below 1 and above 4096
// A team never gets more, and fewer where the system refuses it threads.
int most_threads();
int available_cpus();  // looked up anew after a millisecond
// Threads for a call that takes one thread about `seconds`: num_threads(), or 1 while the machine is so busy
// that the last team took longer to come together than a second thread would save. Asked for by
// set_num_threads, a number is obeyed.
int threads_worth(double seconds);
// How many forks lie between this process and the one that loaded the library.
int forks();

}  // namespace hotloop
