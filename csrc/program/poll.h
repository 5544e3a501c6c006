// Asks a hook a few times a second whether to go on.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>

namespace hotloop {

// Called by the calling thread a few times a second, between whole steps, with the steps done so far and
// their mean loss; true asks to stop. Must not throw.
using Hook = std::function<bool(std::int64_t done, double mean_loss)>;

class Poll {
 public:
  explicit Poll(const Hook& hook) : hook_(hook), next_(Clock::now() + kInterval) {}

  // Whether it is time to ask.
  bool due() const { return hook_ && Clock::now() >= next_; }
  bool ask(std::int64_t steps_done, double mean_loss) {
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
