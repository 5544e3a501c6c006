// A Python progress hook, and Python's signals, as a native hook.
#pragma once
#include <pybind11/pybind11.h>

#include <exception>
#include <utility>

#include "bind/gil.h"
#include "program/program.h"

namespace hotloop::bind {

class PyHook {
 public:
  explicit PyHook(pybind11::object function) : function_(std::move(function)) {}

  // Takes the GIL, looks for Ctrl-C, then asks the function, if there is one. Any exception asks to stop and
  // waits for rethrow.
  Hook native() {
    return [this](std::int64_t steps_done, double mean_loss) {
      const NeedsPython needed;
      const pybind11::gil_scoped_acquire held;
      try {
        if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
        return !function_.is_none() &&
               pybind11::cast<bool>(pybind11::bool_(function_(steps_done, mean_loss)));
      } catch (...) {
        raised_ = std::current_exception();
        return true;
      }
    };
  }

  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  pybind11::object function_;
  std::exception_ptr raised_;
};

}  // namespace hotloop::bind
