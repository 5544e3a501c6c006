// How many threads a piece of work is worth, found by running it: the bits don't depend on the answer.
#pragma once
#include <chrono>
#include <cstdint>

namespace hotloop {

// Runs the first units of work alternately on one thread and on all allowed, then goes on with the faster, in
// slices long enough to feel the scheduler: when another process has a core, a team waits for its slowest
// member at every barrier, and one thread alone is faster. Now and then the other way is tried for a shorter
// slice, more and more seldom while it doesn't win.
class TeamChoice {
 public:
  // multiply_adds: of one unit (a step, a chunk), roughly; too little for a second thread means no trial.
  TeamChoice(int allowed, double multiply_adds);
  // Whether so much work may be worth a second thread.
  static bool pays(double multiply_adds);

  int threads() const;
  // How many units to run before the next word with record().
  std::int64_t units(std::int64_t left) const;
  void record(std::int64_t units, std::chrono::duration<double> time);

 private:
  // Alone, together, alone, together; each first warms the caches of its cores and then counts.
  static constexpr int kTrials = 8;
  bool trying() const { return trial_ < kTrials; }
  int tried() const { return trial_ / 2 % 2; }
  bool runs_together() const { return together_ != probing_; }
  void judge_trial(double unit);
  void judge_slice(double unit);

  int allowed_;
  bool worth_it_;
  std::int64_t trial_units_;
  int trial_ = 0, bad_slices_ = 0;
  bool together_ = false, probing_ = false;
  double seconds_[2] = {};    // a unit's, as last seen: alone, together
  double slice_seconds_ = 0;  // of the slice so far
  std::int64_t slice_units_ = 0;
  double since_probe_ = 0, patience_ = 0;  // seconds
};

}  // namespace hotloop
