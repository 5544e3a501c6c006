// Working without the GIL, in a way that ends well when the interpreter does.
//
// A thread that asks for the GIL while Python shuts down is ended on the spot, and unwinding it through our
// frames would abort the process. So once shutdown begins, such threads wait here for the process to end.
#pragma once
#include <pybind11/pybind11.h>

namespace hotloop::bind {

// Around taking the GIL, and whatever Python then runs below native frames: shutdown waits for those inside.
class NeedsPython {
 public:
  NeedsPython();
  ~NeedsPython();
  NeedsPython(const NeedsPython&) = delete;
  NeedsPython& operator=(const NeedsPython&) = delete;
};

// Gives the GIL away for its lifetime.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    const NeedsPython needed;
    PyEval_RestoreThread(state_);
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace hotloop::bind
