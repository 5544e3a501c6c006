// The kernels behind batch_norm.h that are compiled once per ISA level.
#pragma once
#include "ops/norm/batch_norm.h"

namespace hotloop {

HOTLOOP_PER_ISA(void batch_norm_train_kernel(const BatchNormArgs& args, const float* x, float* y,
                                             float* moving_mean, float* moving_variance, float* mean,
                                             float* inverse, Share share);)
HOTLOOP_PER_ISA(void batch_norm_infer_kernel(const BatchNormArgs& args, const float* x,
                                             const float* moving_mean, const float* moving_variance, float* y,
                                             Share share);)
HOTLOOP_PER_ISA(void batch_norm_train_backward_kernel(const BatchNormArgs& args, const float* x,
                                                      const float* dy, const float* mean,
                                                      const float* inverse,
                                                      const BatchNormGradients& gradients, Share share);)
HOTLOOP_PER_ISA(void batch_norm_infer_backward_kernel(const BatchNormArgs& args, const float* x,
                                                      const float* dy, const float* moving_mean,
                                                      const float* moving_variance,
                                                      const BatchNormGradients& gradients, Share share);)

}  // namespace hotloop
