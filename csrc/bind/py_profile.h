// Profiles on their way to Python.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <vector>

#include "bind/gil.h"
#include "bind/py_feed.h"
#include "program/profile.h"

namespace hotloop::bind {

// What was timed, as dicts, and the seconds of each part: an array of steps x parts.
py::tuple to_python(const std::vector<StepPart>& parts, const StepTimer& timer);

// Forward passes of a Program or a Session.
template <class Runner>
py::tuple profile_forward(Runner& runner, const Arrays& inputs, std::int64_t calls, int threads) {
  const Feed feed = make_feed(runner.graph(), inputs);
  require(feed.rows >= 1 && calls >= 1 && threads >= 1,
          "profile: expected at least one row, call and thread, got ", feed.rows, ", ", calls, " and ",
          threads);
  StepTimer timer;
  std::vector<StepPart> parts;
  {
    const Unlocked released;
    parts = runner.time_forward(feed, calls, threads, timer);
  }
  return to_python(parts, timer);
}

}  // namespace hotloop::bind
