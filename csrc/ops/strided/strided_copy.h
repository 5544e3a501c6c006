// Numbers from one arrangement into another: what transposes and slices.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/kernel.h"

namespace hotloop {

constexpr int kMostCopyAxes = 9;  // a sample's, and the batch's

// For each index i of an array of these sizes: y[sum of i[a] * to[a]] = x[sum of i[a] * from[a]]. No two
// indices lead to one place of y. Steps may be negative.
struct StridedCopy {
  int axes = 0;
  std::int64_t size[kMostCopyAxes] = {}, from[kMostCopyAxes] = {}, to[kMostCopyAxes] = {};
  void add(std::int64_t count, std::int64_t step_from, std::int64_t step_to) {
    size[axes] = count, from[axes] = step_from, to[axes++] = step_to;
  }
};
// The same copy in as few axes as it takes, those with the shortest steps through y last.
StridedCopy simplified(const StridedCopy& copy);

// Copies words of four bytes, whatever they are, or, with accumulate, adds float32. copy: simplified.
void strided_copy(const StridedCopy& copy, const float* x, float* y, bool accumulate, Share share);
// y[i] = 0
HOTLOOP_KERNEL(clear, float* y, std::int64_t n, Share share)

void strided_copy_ref(const StridedCopy& copy, const float* x, float* y, bool accumulate);

HOTLOOP_PER_ISA(void strided_copy_kernel(const StridedCopy& copy, const float* x, float* y, bool accumulate,
                                         Share share);)

}  // namespace hotloop
