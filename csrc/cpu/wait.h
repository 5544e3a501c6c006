// Waiting for another thread: tens of microseconds of spinning, then whoever else wants this core may have
// it.
#pragma once
#include <sched.h>

namespace hotloop {

inline void pause_once() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

template <class Done>
bool wait_for_a_while(Done done) {
  constexpr int kSpins = 1000;
  for (int spin = 0; spin < kSpins; ++spin) {
    if (done()) return true;
    pause_once();
  }
  return false;
}

template <class Done>
void wait_until(Done done) {
  if (wait_for_a_while(done)) return;
  while (!done()) sched_yield();
}

}  // namespace hotloop
