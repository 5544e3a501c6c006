// Asks a hook a few times a second whether to go on.
#pragma once
#include <chrono>

#include "program/program.h"

namespace hotloop {

class Poll {
 public:
  explicit Poll(const Hook& hook) : hook_(hook), next_(Clock::now() + kInterval) {}

  bool wants_stop(std::int64_t steps_done, double mean_loss) {
    if (!hook_ || Clock::now() < next_) return false;
    const bool stop = hook_(steps_done, mean_loss);
    next_ = Clock::now() + kInterval;
    return stop;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{100};
  const Hook& hook_;
  Clock::time_point next_;
};

}  // namespace hotloop
