// When each part of a step ended, as rank 0 of the team saw it.
#pragma once
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "cpu/team.h"

namespace hotloop {

class StepTimer {
 public:
  // Makes room for `steps` steps of `parts` parts; outside the team.
  void reserve(std::int64_t steps, std::size_t parts) {
    seconds_.clear();
    seconds_.reserve(static_cast<std::size_t>(steps) * parts);
  }
  // Called by every rank: where a step begins, and after the barrier at the end of each of its parts.
  void begin(const Team& team) {
    if (team.rank() != 0) return;
    settle();
    last_ = Clock::now();
  }
  void mark(const Team& team) {
    if (team.rank() != 0 || seconds_.size() == seconds_.capacity()) return;
    settle();
    const Clock::time_point now = Clock::now();
    seconds_.push_back(std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }
  // Part after part, step after step.
  const std::vector<double>& seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds_;
  Clock::time_point last_;
};

}  // namespace hotloop
