// A small program where kernels read it.
#pragma once
#include <cstdint>

#include "ops/small_program/small_program.h"
#include "program/constants.h"

namespace hotloop {

class LoadedProgram {
 public:
  // As CheckedProgram.
  LoadedProgram(const std::int32_t* code, std::int64_t size, const float* constants, std::int64_t count)
      : host_(code, size, constants, count), view_(host_.view) {
    view_.steps = place(host_.steps.data(), view_.count, steps_);
    view_.constants =
        place(host_.constants.data(), static_cast<std::int64_t>(host_.constants.size()), constants_);
  }
  LoadedProgram(const LoadedProgram&) = delete;
  LoadedProgram& operator=(const LoadedProgram&) = delete;

  const SmallProgram& view() const { return view_; }
  // Bytes that each thread works in.
  std::int64_t scratch() const {
#ifdef HOTLOOP_CUDA_HALF
    return 0;
#else
    return program_scratch(view_) * size_of(DType::f32);
#endif
  }

 private:
  CheckedProgram host_;
  AlignedBuffer steps_, constants_;
  SmallProgram view_;
};

}  // namespace hotloop
