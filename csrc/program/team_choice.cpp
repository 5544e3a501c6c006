#include "program/team_choice.h"

#include <algorithm>

namespace hotloop {
namespace {

// About two microseconds of work a thread: below it, meeting costs more than sharing brings.
constexpr double kWorthSharing = 2e5;
// From here on one unit lasts long enough to be timed alone.
constexpr double kLongUnit = 2e7;
// Seconds. Schedulers let a process run for some milliseconds before it is another's turn.
constexpr double kSlice = 0.03, kProbe = 0.01;
constexpr double kLeastPatience = 0.5, kMostPatience = 5;
constexpr double kClearly = 1.05;  // less of a difference is not worth a change

}  // namespace

TeamChoice::TeamChoice(int allowed, double multiply_adds)
    : allowed_(allowed),
      worth_it_(allowed > 1 && pays(multiply_adds)),
      trial_units_(multiply_adds > kLongUnit ? 1 : 8) {}

bool TeamChoice::pays(double multiply_adds) { return multiply_adds > kWorthSharing; }

int TeamChoice::threads() const {
  if (!worth_it_) return 1;
  return (trying() ? tried() == 1 : runs_together()) ? allowed_ : 1;
}

std::int64_t TeamChoice::units(std::int64_t left) const {
  if (!worth_it_) return left;
  if (trying()) return std::min(left, trial_units_ - slice_units_);
  const double seconds = (probing_ ? kProbe : kSlice) - slice_seconds_;
  return std::clamp(static_cast<std::int64_t>(seconds / seconds_[runs_together()]) + 1, std::int64_t{1},
                    left);
}

void TeamChoice::record(std::int64_t units, std::chrono::duration<double> time) {
  if (!worth_it_ || units <= 0) return;
  slice_seconds_ += time.count(), slice_units_ += units;
  const bool whole = trying() ? slice_units_ >= trial_units_ : slice_seconds_ >= (probing_ ? kProbe : kSlice);
  if (!whole) return;
  const double unit = slice_seconds_ / static_cast<double>(slice_units_);
  since_probe_ += slice_seconds_;
  slice_seconds_ = 0, slice_units_ = 0;
  if (trying())
    judge_trial(unit);
  else
    judge_slice(unit);
}

void TeamChoice::judge_trial(double unit) {
  if (trial_ % 2 == 1) {
    double& best = seconds_[tried()];
    best = std::max(trial_ < kTrials / 2 ? unit : std::min(best, unit), 1e-9);
  }
  if (++trial_ < kTrials) return;
  together_ = seconds_[1] < seconds_[0];
  patience_ = kLeastPatience, since_probe_ = 0;
}

void TeamChoice::judge_slice(double unit) {
  seconds_[runs_together()] = std::max(unit, 1e-9);
  const bool other_wins = seconds_[!together_] * kClearly < seconds_[together_];
  if (probing_) {
    // The way gone so far is judged by its latest slice, the other by this one.
    together_ = together_ != other_wins;
    patience_ = other_wins ? kLeastPatience : std::min(2 * patience_, kMostPatience);
    probing_ = false, since_probe_ = 0, bad_slices_ = 0;
  } else {
    // One bad slice may be chance.
    bad_slices_ = other_wins ? bad_slices_ + 1 : 0;
    probing_ = bad_slices_ > 1 || since_probe_ > patience_;
  }
}

}  // namespace hotloop
