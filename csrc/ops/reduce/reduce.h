// Sums, means, the largest and the smallest along one axis, and where the largest is.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

enum class Reduction : int { sum, mean, max, min };
// Throws std::invalid_argument, which lists the names, where it is none of them.
Reduction reduction_from_name(const char* name);

// x is outer x n x inner, what becomes of it outer x inner.
struct ReduceShape {
  std::int64_t outer = 0, n = 0, inner = 0;
};

// A sum's order depends on the shape alone. Along the last axis (inner is 1) lane i of 16 takes the numbers
// i, i + 16, ..., and the lanes are folded: cpu/simd/rows.h; more than 65536 go by chains of chains,
// reduce_rows.h says which. Otherwise it is column_sum's, of 65536 numbers at a time, whose sums are added in
// ascending order. max and min are NaN where a number is; n must be above zero for them.
void reduce_forward(Reduction kind, ReduceShape shape, const float* x, float* y, Share share);
// dx = (or +=) what dy comes to; x is read by max and min alone, whose gradient goes to the first of equals.
void reduce_backward(Reduction kind, ReduceShape shape, const float* x, const float* dy, float* dx,
                     bool accumulate, Share share);
// The first place of the largest number, which a NaN is; n from 1 to 2^31 - 1.
void argmax(ReduceShape shape, const float* x, std::int32_t* y, Share share);

// The slow witnesses, which add in double.
void reduce_forward_ref(Reduction kind, ReduceShape shape, const float* x, float* y);
void reduce_backward_ref(Reduction kind, ReduceShape shape, const float* x, const float* dy, float* dx,
                         bool accumulate);
void argmax_ref(ReduceShape shape, const float* x, std::int32_t* y);

HOTLOOP_PER_ISA(void reduce_forward_kernel(Reduction kind, ReduceShape shape, const float* x, float* y,
                                           Share share);)
HOTLOOP_PER_ISA(void reduce_backward_kernel(Reduction kind, ReduceShape shape, const float* x,
                                            const float* dy, float* dx, bool accumulate, Share share);)
HOTLOOP_PER_ISA(void argmax_kernel(ReduceShape shape, const float* x, std::int32_t* y, Share share);)

}  // namespace hotloop
