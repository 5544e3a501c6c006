#include "program/team_choice.h"

#include <algorithm>

namespace hotloop {
namespace {

// About two microseconds of work a thread: below it, meeting costs more than sharing brings.
constexpr double kWorthSharing = 2e5;
// From here on one unit lasts long enough to be timed alone.
constexpr double kLongUnit = 2e7;
constexpr double kRepeatAfter = 50;  // times what the last trial took

}  // namespace

TeamChoice::TeamChoice(int allowed, double multiply_adds)
    : allowed_(allowed),
      worth_it_(allowed > 1 && pays(multiply_adds)),
      trial_units_(multiply_adds > kLongUnit ? 1 : 4) {}

bool TeamChoice::pays(double multiply_adds) { return multiply_adds > kWorthSharing; }

int TeamChoice::threads() const {
  if (!worth_it_) return 1;
  if (trying()) return trial_ % 2 == 0 ? 1 : allowed_;
  return fastest_[0] <= fastest_[1] ? 1 : allowed_;
}

std::int64_t TeamChoice::units(std::int64_t left) const {
  return worth_it_ && trying() ? std::min(left, trial_units_) : left;
}

void TeamChoice::record(std::int64_t units, std::chrono::duration<double> time) {
  if (!worth_it_ || units <= 0) return;
  if (!trying()) {
    seconds_since_ += time.count();
    if (seconds_since_ > kRepeatAfter * trial_seconds_) {
      trial_ = 0;
      trial_seconds_ = seconds_since_ = 0;
    }
    return;
  }
  const double unit = time.count() / static_cast<double>(units);
  double& best = fastest_[trial_ % 2];
  best = trial_ < 2 ? unit : std::min(best, unit);
  trial_seconds_ += time.count();
  ++trial_;
}

}  // namespace hotloop
