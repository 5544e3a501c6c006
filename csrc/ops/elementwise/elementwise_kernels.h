// The kernels behind elementwise.h that are compiled once per ISA level.
#pragma once
#include "ops/elementwise/elementwise.h"

namespace hotloop {

HOTLOOP_PER_ISA(void copy_or_add_kernel(const float* x, float* y, bool accumulate, std::int64_t n,
                                        Share share);)
HOTLOOP_PER_ISA(void add_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n,
                                        Share share);)
HOTLOOP_PER_ISA(void multiply_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n,
                                             Share share);)
HOTLOOP_PER_ISA(void multiply_backward_kernel(const float* const* inputs, int count, int which,
                                              const float* dy, float* dx, bool accumulate, std::int64_t n,
                                              Share share);)
HOTLOOP_PER_ISA(void rescale_kernel(const float* x, float scale, float offset, float* y, bool accumulate,
                                    std::int64_t n, Share share);)
HOTLOOP_PER_ISA(void copy_columns_kernel(const float* x, std::int64_t x_stride, float* y,
                                         std::int64_t y_stride, std::int64_t rows, std::int64_t cols,
                                         bool accumulate, Share share);)

}  // namespace hotloop
