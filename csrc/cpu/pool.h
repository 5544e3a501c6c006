// The threads behind teams: made when they are first needed, parked in between, left to the system at the
// end.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "cpu/team.h"

namespace hotloop {

class Pool {
 public:
  using Body = void (*)(void* context, Team& team);
  using Clock = std::chrono::steady_clock;

  // Runs body on `threads` threads, this one as rank 0, or on fewer where the system refuses them. Returns
  // false, with nothing done, while another caller has the threads, inside a team, and when there are none.
  bool run(int threads, Body body, void* context);
  // How long it took the latest team to come together.
  std::chrono::duration<double> assembly() const {
    return std::chrono::duration<double>(assembly_.load(std::memory_order_relaxed));
  }
  // In a child of fork, which has none of the threads: it will make its own.
  void forget();

 private:
  struct alignas(64) Worker {
    std::atomic<int> call{0};
  };
  int grow(int workers);
  void work(Worker& me, int rank);

  std::atomic<bool> busy_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
  // The team at work:
  Body body_ = nullptr;
  void* context_ = nullptr;
  Barrier* meeting_ = nullptr;
  Clock::time_point start_;
  int size_ = 1;
  alignas(64) std::atomic<int> missing_{0};  // have not come yet
  alignas(64) std::atomic<int> left_{0};     // have not finished yet
  std::atomic<double> assembly_{0};
};

}  // namespace hotloop
