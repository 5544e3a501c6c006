// The kernels behind optimizer.h that are compiled once per ISA level.
#pragma once
#include "ops/optimizer/optimizer.h"

namespace hotloop {

// What a step needs besides the arenas, with everything that is the same for all elements worked out.
struct OptimizerScalars {
  float learning_rate;  // adam: with the bias correction in it
  float decay;          // learning_rate * weight_decay
  float gradient_scale;
  float clip_value;  // infinity for none
  float momentum;
  float keep_1, take_1;  // adam's beta_1, rmsprop's rho; and 1 minus it
  float take_2;          // adam: 1 - beta_2
  float epsilon;
  bool nesterov, centered, amsgrad;
};

HOTLOOP_PER_ISA(void optimizer_step_kernel(Optimizer kind, const OptimizerScalars& scalars, float* w,
                                           const float* g, float* const* slots, std::int64_t n, Share share);)
HOTLOOP_PER_ISA(void add_regularizer_gradient_kernel(const float* w, float* g, float l1, float twice_l2,
                                                     std::int64_t n, Share share);)
HOTLOOP_PER_ISA(void sum_squares_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share);)
HOTLOOP_PER_ISA(void sum_absolute_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share);)

}  // namespace hotloop
