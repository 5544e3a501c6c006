// Batch normalisation over the rows of a rows x cols matrix, with Keras 3's conventions: biased variance,
// epsilon inside the square root, moving = moving * momentum + batch * (1 - momentum).
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/kernel.h"

namespace hotloop {

struct BatchNormArgs {
  std::int64_t rows = 0, cols = 0;
  float epsilon = 1e-3f;
  float momentum = 0.99f;
  const float* gamma = nullptr;  // cols, or null for all ones
  const float* beta = nullptr;   // cols, or null for all zeros
};

// y = (x - mean) * inverse * gamma + beta, with mean and inverse = 1 / sqrt(variance + epsilon) of these
// rows, which are written for backward; the moving statistics are updated. y may be x. No rows: nothing
// happens.
HOTLOOP_KERNEL(batch_norm_train, const BatchNormArgs& args, const float* x, float* y, float* moving_mean,
               float* moving_variance, float* mean, float* inverse, Share share)

// The same with the moving statistics, which stay as they are.
HOTLOOP_KERNEL(batch_norm_infer, const BatchNormArgs& args, const float* x, const float* moving_mean,
               const float* moving_variance, float* y, Share share)

// What backward writes; any pointer may be null.
struct BatchNormGradients {
  float* dx = nullptr;  // rows x cols
  float* dgamma = nullptr;
  float* dbeta = nullptr;
  bool accumulate = false;                                 // dx += instead of dx =
  bool accumulate_gamma = false, accumulate_beta = false;  // the same for dgamma and dbeta
};
// After batch_norm_train, with the mean and inverse it wrote: mean and variance depend on x too.
HOTLOOP_KERNEL(batch_norm_train_backward, const BatchNormArgs& args, const float* x, const float* dy,
               const float* mean, const float* inverse, const BatchNormGradients& gradients, Share share)
// After batch_norm_infer: the statistics are constants.
HOTLOOP_KERNEL(batch_norm_infer_backward, const BatchNormArgs& args, const float* x, const float* dy,
               const float* moving_mean, const float* moving_variance, const BatchNormGradients& gradients,
               Share share)

// The same formulas in double, one column after the other.
void batch_norm_train_ref(const BatchNormArgs& args, const float* x, float* y, float* moving_mean,
                          float* moving_variance, float* mean, float* inverse);
void batch_norm_infer_ref(const BatchNormArgs& args, const float* x, const float* moving_mean,
                          const float* moving_variance, float* y);
void batch_norm_train_backward_ref(const BatchNormArgs& args, const float* x, const float* dy,
                                   const BatchNormGradients& gradients);
void batch_norm_infer_backward_ref(const BatchNormArgs& args, const float* x, const float* dy,
                                   const float* moving_mean, const float* moving_variance,
                                   const BatchNormGradients& gradients);

}  // namespace hotloop
