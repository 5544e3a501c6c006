#include "ops/elementwise/elementwise.h"

#include "ops/elementwise/elementwise_kernels.h"

namespace hotloop {

void copy_or_add(const float* x, float* y, bool accumulate, std::int64_t n, Share share) {
  if (x == y && !accumulate) return;
  HOTLOOP_SELECT(copy_or_add_kernel)(x, y, accumulate, n, share);
}

void add_forward(const float* const* inputs, int count, float* y, std::int64_t n, Share share) {
  HOTLOOP_SELECT(add_forward_kernel)(inputs, count, y, n, share);
}

void multiply_forward(const float* const* inputs, int count, float* y, std::int64_t n, Share share) {
  HOTLOOP_SELECT(multiply_forward_kernel)(inputs, count, y, n, share);
}

void multiply_backward(const float* const* inputs, int count, int which, const float* dy, float* dx,
                       bool accumulate, std::int64_t n, Share share) {
  HOTLOOP_SELECT(multiply_backward_kernel)(inputs, count, which, dy, dx, accumulate, n, share);
}

void rescale_forward(const float* x, float scale, float offset, float* y, std::int64_t n, Share share) {
  HOTLOOP_SELECT(rescale_kernel)(x, scale, offset, y, false, n, share);
}

void rescale_backward(const float* dy, float scale, float* dx, bool accumulate, std::int64_t n, Share share) {
  HOTLOOP_SELECT(rescale_kernel)(dy, scale, 0.0f, dx, accumulate, n, share);
}

void copy_columns(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride, std::int64_t rows,
                  std::int64_t cols, bool accumulate, Share share) {
  HOTLOOP_SELECT(copy_columns_kernel)(x, x_stride, y, y_stride, rows, cols, accumulate, share);
}

}  // namespace hotloop
