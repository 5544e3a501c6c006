// The sum or mean of what a small program makes of each sample, taken while it lies in the first-level cache.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "ops/reduce/reduce.h"
#include "ops/small_program/small_program.h"

namespace hotloop {

class RowReduction {
 public:
  RowReduction(const std::string& kind, std::int64_t features)
      : kind_(reduction_from_name(kind.c_str())), features_(features) {
    require(kind_ == Reduction::sum || kind_ == Reduction::mean, "reduce: expected 'sum' or 'mean', got '",
            kind, "'");
  }

  // What the gradient of a row is divided by.
  float divisor() const { return kind_ == Reduction::mean ? static_cast<float>(features_) : 1.0f; }

  // Floats that each thread has for what the program makes, of so many rows at a time.
  std::int64_t room(std::int64_t max_rows) const {
    return round_up(rows_at_once(max_rows) * features_, kAlignment);
  }

  // The bits of run_small_program and reduce_forward one after the other. call: its first output is this
  // thread's room; the others are whole.
  void forward(const ProgramCall& call, float* scratch, float* to, Share share) const {
    const SmallProgram& program = call.program;
    const std::int64_t step = rows_at_once(call.rows);
    const Range mine = share.of(call.rows, step);
    const void* inputs[kMostInputs];
    float* outputs[kMostOutputs] = {call.outputs[0]};
    for (std::int64_t row = mine.begin; row < mine.end; row += step) {
      const std::int64_t rows = std::min(step, mine.end - row);
      for (int k = 0; k < program.inputs; ++k) {
        const ProgramInput& input = call.layout.inputs[k];
        inputs[k] = static_cast<const char*>(call.inputs[k]) + row * input.strides[0] * size_of(input.dtype);
      }
      for (int k = 1; k < program.outputs; ++k)
        outputs[k] = call.outputs[k] == nullptr ? nullptr : call.outputs[k] + row * features_;
      run_small_program({program, call.layout, rows, inputs, outputs}, scratch, Share{});
      reduce_forward(kind_, {rows, features_, 1}, outputs[0], to + row, Share{});
    }
  }

 private:
  // Whole batches on a GPU, which has its threads take shares by itself.
  std::int64_t rows_at_once(std::int64_t rows) const {
#ifdef HOTLOOP_CUDA_HALF
    return std::max<std::int64_t>(rows, 1);
#else
    constexpr std::int64_t kMost = 4096;  // 16 KB
    return std::max<std::int64_t>(std::min(rows, kMost / features_), 1);
#endif
  }

  const Reduction kind_;
  const std::int64_t features_;
};

}  // namespace hotloop
