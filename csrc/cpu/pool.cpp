#include "cpu/pool.h"

#include <pthread.h>
#include <signal.h>

#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "cpu/wait.h"

namespace hotloop {
namespace {

thread_local bool in_team = false;

// Threads made while this lives take no signals but for faults of their own: the others are for the program's
// own threads.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (int fault : {SIGBUS, SIGFPE, SIGILL, SIGSEGV}) sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

bool Pool::run(int threads, Body body, void* context) {
  if (in_team || threads <= 1 || busy_.exchange(true, std::memory_order_acquire)) return false;
  start_ = Clock::now();
  size_ = 1 + grow(threads - 1);
  if (size_ == 1) {
    busy_.store(false, std::memory_order_release);
    return false;
  }
  Barrier meeting(size_);
  body_ = body, context_ = context, meeting_ = &meeting;
  missing_.store(size_ - 1, std::memory_order_relaxed);
  left_.store(size_ - 1, std::memory_order_relaxed);
  for (int i = 0; i < size_ - 1; ++i) {
    std::atomic<int>& call = workers_[static_cast<std::size_t>(i)]->call;
    call.store(1);  // released would not do: notify_one's look whether anybody sleeps must not overtake it
    call.notify_one();
  }
  in_team = true;
  Team team(0, size_, meeting);
  body(context, team);
  in_team = false;
  wait_until([&] { return left_.load(std::memory_order_acquire) == 0; });
  busy_.store(false, std::memory_order_release);
  return true;
}

void Pool::forget() {
  new (&workers_) std::vector<std::unique_ptr<Worker>>();  // what was there may be in the middle of a change
  busy_.store(false);
}

// How many of so many workers there are, after an attempt to make those that are missing.
int Pool::grow(int workers) {
  while (static_cast<int>(workers_.size()) < workers) {
    const SignalsBlocked blocked;
    const int rank = static_cast<int>(workers_.size()) + 1;
    try {
      auto worker = std::make_unique<Worker>();
      workers_.reserve(workers_.size() + 1);
      std::thread([this, &me = *worker, rank] { work(me, rank); }).detach();
      workers_.push_back(std::move(worker));
    } catch (const std::exception&) {  // no memory, or the system refuses the thread
      return rank - 1;
    }
  }
  return workers;
}

void Pool::work(Worker& me, int rank) {
  in_team = true;
  for (;;) {
    // Calls often follow one another; later it is not worth a core.
    wait_for_a_while([&] { return me.call.load(std::memory_order_acquire) != 0; });
    me.call.wait(0, std::memory_order_acquire);
    me.call.store(0, std::memory_order_relaxed);
    if (missing_.fetch_sub(1, std::memory_order_relaxed) == 1)
      assembly_.store(std::chrono::duration<double>(Clock::now() - start_).count(),
                      std::memory_order_relaxed);
    Team team(rank, size_, *meeting_);
    body_(context_, team);
    left_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace hotloop
