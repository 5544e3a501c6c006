// The kernels behind optimizer.h that are compiled once per ISA level.
#pragma once
#include "ops/optimizer/optimizer.h"

namespace hotloop {

HOTLOOP_PER_ISA(void optimizer_step_kernel(const OptimizerScalars& scalars, const OptimizerBlock& block);)
HOTLOOP_PER_ISA(void add_regularizer_gradient_kernel(const float* w, float* g, float l1, float twice_l2,
                                                     std::int64_t n, Share share);)
HOTLOOP_PER_ISA(void sum_squares_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share);)
HOTLOOP_PER_ISA(void sum_absolute_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share);)

}  // namespace hotloop
