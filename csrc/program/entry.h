// Who is inside a program: one caller at a time, and never the same one twice.
#pragma once
#include "base/error.h"
#include "cpu/team.h"
#include "program/program.h"

namespace hotloop {

class ProgramEntry {
 public:
  explicit ProgramEntry(Program& program) : program_(program) {
    const int mine = 1 + forks();
    if (program.holder_ == mine && program.owner_ == std::this_thread::get_id())
      throw std::runtime_error("this model is busy: its own progress hook or signal handler called it again");
    int holder = 0;
    while (!program.holder_.compare_exchange_weak(holder, mine)) {
      if (holder != mine) continue;
      program.holder_.wait(mine);
      holder = 0;
    }
    // A holder from before a fork is a thread that this process does not have: its place was taken over.
    if (holder != 0) program.forget_memory();
    program.owner_ = std::this_thread::get_id();
  }
  ~ProgramEntry() {
    program_.owner_ = std::thread::id();
    program_.holder_ = 0;
    program_.holder_.notify_one();
  }
  ProgramEntry(const ProgramEntry&) = delete;
  ProgramEntry& operator=(const ProgramEntry&) = delete;

 private:
  Program& program_;
};

}  // namespace hotloop
