#include "cpu/simd/simd.h"
#include "ops/elementwise/elementwise_kernels.h"

namespace hotloop {
namespace {

// y[i..] = f(i, count) over this share, 16 elements at a time; or y[i..] += f(i, count).
template <class F>
HOTLOOP_INLINE void each_vector(float* y, bool accumulate, std::int64_t begin, std::int64_t end, const F& f) {
  std::int64_t i = begin;
  if (accumulate) {
    for (; i + kLanes <= end; i += kLanes) store(y + i, load(y + i) + f(i, kLanes));
    if (i < end) store_or(y + i, load_or(y + i, end - i) + f(i, end - i), end - i);
  } else {
    for (; i + kLanes <= end; i += kLanes) store(y + i, f(i, kLanes));
    if (i < end) store_or(y + i, f(i, end - i), end - i);
  }
}

template <class F>
HOTLOOP_INLINE void each_of_share(float* y, bool accumulate, std::int64_t n, Share share, const F& f) {
  const Range mine = share.of(n, 4 * kLanes);
  each_vector(y, accumulate, mine.begin, mine.end, f);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void copy_or_add_kernel(const float* x, float* y, bool accumulate, std::int64_t n, Share share) {
  each_of_share(y, accumulate, n, share,
                [&](std::int64_t i, std::int64_t count) { return load_or(x + i, count); });
}

void add_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n, Share share) {
  each_of_share(y, false, n, share, [&](std::int64_t i, std::int64_t lanes) {
    F32 total = load_or(inputs[0] + i, lanes);
    for (int k = 1; k < count; ++k) total = total + load_or(inputs[k] + i, lanes);
    return total;
  });
}

void multiply_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n, Share share) {
  each_of_share(y, false, n, share, [&](std::int64_t i, std::int64_t lanes) {
    F32 product = load_or(inputs[0] + i, lanes);
    for (int k = 1; k < count; ++k) product = product * load_or(inputs[k] + i, lanes);
    return product;
  });
}

void multiply_backward_kernel(const float* const* inputs, int count, int which, const float* dy, float* dx,
                              bool accumulate, std::int64_t n, Share share) {
  each_of_share(dx, accumulate, n, share, [&](std::int64_t i, std::int64_t lanes) {
    F32 product = load_or(dy + i, lanes);
    for (int k = 0; k < count; ++k)
      if (k != which) product = product * load_or(inputs[k] + i, lanes);
    return product;
  });
}

void rescale_kernel(const float* x, float scale, float offset, float* y, bool accumulate, std::int64_t n,
                    Share share) {
  const F32 factor = splat(scale), shift = splat(offset);
  each_of_share(y, accumulate, n, share, [&](std::int64_t i, std::int64_t lanes) {
    return fma(load_or(x + i, lanes), factor, shift);
  });
}

void copy_columns_kernel(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride,
                         std::int64_t rows, std::int64_t cols, bool accumulate, Share share) {
  const Range mine = share.of(rows);
  for (std::int64_t r = mine.begin; r < mine.end; ++r) {
    const float* row = x + r * x_stride;
    each_vector(y + r * y_stride, accumulate, 0, cols,
                [&](std::int64_t i, std::int64_t lanes) { return load_or(row + i, lanes); });
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
