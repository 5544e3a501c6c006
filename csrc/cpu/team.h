// The team of threads that walks a program, and the only parallelism in the library. One call of
// run_team opens one parallel region; inside it threads meet at the team's own barrier.
#pragma once
#include <atomic>
#include <functional>

#include "base/types.h"

namespace hotloop {

class Barrier {
 public:
  explicit Barrier(int size) : size_(size) {}
  void wait();

 private:
  const int size_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> phase_{0};
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

// Runs body on `threads` threads (this one is rank 0) and returns when all have finished. body must not
// throw on ranks above 0; an exception of rank 0 would leave the others waiting, so it must not either.
// Runs on this thread alone inside another team, and in a child process forked after the team was used.
void run_team(int threads, const std::function<void(Team&)>& body);

// Threads a call may use: set_num_threads, else HOTLOOP_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs
// that the affinity mask and the container's quota leave to this process.
int num_threads();
void set_num_threads(int threads);  // throws std::invalid_argument below 1 and above 4096
// A team never gets more: the runtime ends the process where the system refuses it a thread.
int most_threads();
int available_cpus();
// Threads for a call that takes one thread about `seconds`: num_threads(), or 1 while the machine is so busy
// that the last team took longer to come together than a second thread would save. Asked for by
// set_num_threads, a number is obeyed.
int threads_worth(double seconds);
// How many forks lie between this process and the one that loaded the library.
int forks();

}  // namespace hotloop
