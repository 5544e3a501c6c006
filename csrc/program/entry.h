// Who is inside a program: one caller at a time, and never the same one twice.
#pragma once
#include "base/error.h"
#include "program/program.h"

namespace hotloop {

class ProgramEntry {
 public:
  explicit ProgramEntry(Program& program) : program_(program) {
    if (program.owner_.load(std::memory_order_relaxed) == std::this_thread::get_id())
      throw std::runtime_error("this model is busy: its own progress hook or signal handler called it again");
    program.mutex_.lock();
    program.owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  ~ProgramEntry() {
    program_.owner_.store(std::thread::id(), std::memory_order_relaxed);
    program_.mutex_.unlock();
  }
  ProgramEntry(const ProgramEntry&) = delete;
  ProgramEntry& operator=(const ProgramEntry&) = delete;

 private:
  Program& program_;
};

}  // namespace hotloop
