// How many threads a piece of work is worth, found by running it: the bits don't depend on the answer.
#pragma once
#include <chrono>
#include <cstdint>

namespace hotloop {

// Runs the first units of work alternately on one thread and on all allowed, then stays with the faster. The
// trial is repeated now and then, because a neighbour may have come or gone; it costs a fiftieth at most.
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
  static constexpr int kTrials = 4;
  bool trying() const { return trial_ < kTrials; }

  int allowed_;
  bool worth_it_;
  std::int64_t trial_units_;
  int trial_ = 0;
  double fastest_[2] = {};  // seconds a unit: alone, together
  double trial_seconds_ = 0, seconds_since_ = 0;
};

}  // namespace hotloop
