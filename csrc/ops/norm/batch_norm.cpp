#include "ops/norm/batch_norm.h"

#include "ops/norm/batch_norm_kernels.h"

namespace hotloop {

void batch_norm_train(const BatchNormArgs& args, const float* x, float* y, float* moving_mean,
                      float* moving_variance, float* mean, float* inverse, Share share) {
  HOTLOOP_SELECT(batch_norm_train_kernel)(args, x, y, moving_mean, moving_variance, mean, inverse, share);
}

void batch_norm_infer(const BatchNormArgs& args, const float* x, const float* moving_mean,
                      const float* moving_variance, float* y, Share share) {
  HOTLOOP_SELECT(batch_norm_infer_kernel)(args, x, moving_mean, moving_variance, y, share);
}

void batch_norm_train_backward(const BatchNormArgs& args, const float* x, const float* dy, const float* mean,
                               const float* inverse, const BatchNormGradients& gradients, Share share) {
  HOTLOOP_SELECT(batch_norm_train_backward_kernel)(args, x, dy, mean, inverse, gradients, share);
}

void batch_norm_infer_backward(const BatchNormArgs& args, const float* x, const float* dy,
                               const float* moving_mean, const float* moving_variance,
                               const BatchNormGradients& gradients, Share share) {
  HOTLOOP_SELECT(batch_norm_infer_backward_kernel)
  (args, x, dy, moving_mean, moving_variance, gradients, share);
}

}  // namespace hotloop
