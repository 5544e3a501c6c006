// Softmax and its kin, one row at a time. Include the vector vocabulary first: cpu/simd/rows.h or
// cuda/device/rows.h.
#pragma once
#include "math/sigmoid.h"
#include "ops/activation/activation.h"

namespace hotloop {
namespace {

HOTLOOP_INLINE void put(float* dx, F32 gradient, bool accumulate, int count) {
  store_or(dx, accumulate ? load_or(dx, count) + gradient : gradient, count);
}

// exp(x - largest) into y where y is given; returns the sum.
HOTLOOP_INLINE float exp_row(const float* x, float* y, std::int64_t n, F32 highest) {
  const F32 zero = splat(0.0f);
  const auto total = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1]) HOTLOOP_BODY {
    const F32 e = exp(load_or(x + i, count) - highest);
    if (y != nullptr) store_or(y + i, e, count);
    sums[0] = sums[0] + keep_first(e, count, zero);
  });
  return sum(total.of[0]);
}

HOTLOOP_INLINE void softmax(const float* x, float* y, std::int64_t n) {
  const F32 one = splat(1.0f);
  if (n <= kLanes) {  // the same steps without the way through memory
    const int count = static_cast<int>(n);
    const F32 v = load_or(x, count);
    const F32 highest = splat(largest(keep_first(v, count, splat(-__builtin_inff()))));
    const F32 e = exp(v - highest);
    store_or(y, e * (one / splat(sum(keep_first(e, count, splat(0.0f))))), count);
    return;
  }
  const F32 highest = splat(row_largest(x, n));
  const F32 scale = one / splat(exp_row(x, y, n, highest));
  each_vector(n, [&](std::int64_t i, int count)
                     HOTLOOP_BODY { store_or(y + i, load_or(y + i, count) * scale, count); });
}

// products: the sum of y dy along the row.
HOTLOOP_INLINE F32 softmax_slope(F32 y, F32 dy, F32 products) { return y * (dy - products); }

HOTLOOP_INLINE void softmax_gradient(const float* y, const float* dy, float* dx, bool accumulate,
                                     std::int64_t n) {
  const auto products = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1]) HOTLOOP_BODY {
    sums[0] = fma(load_or(y + i, count), load_or(dy + i, count), sums[0]);
  });
  const F32 mean = splat(sum(products.of[0]));
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    put(dx + i, softmax_slope(load_or(y + i, count), load_or(dy + i, count), mean), accumulate, count);
  });
}

HOTLOOP_INLINE void log_softmax(const float* x, float* y, std::int64_t n) {
  const F32 highest = splat(row_largest(x, n));
  const F32 log_total = log(splat(exp_row(x, nullptr, n, highest)));
  each_vector(n, [&](std::int64_t i, int count)
                     HOTLOOP_BODY { store_or(y + i, (load_or(x + i, count) - highest) - log_total, count); });
}

// total: the sum of dy along the row.
HOTLOOP_INLINE F32 log_softmax_slope(F32 y, F32 dy, F32 total) { return fnma(exp(y), total, dy); }

HOTLOOP_INLINE void log_softmax_gradient(const float* y, const float* dy, float* dx, bool accumulate,
                                         std::int64_t n) {
  const auto total = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1])
                                           HOTLOOP_BODY { sums[0] = sums[0] + load_or(dy + i, count); });
  const F32 all = splat(sum(total.of[0]));
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    put(dx + i, log_softmax_slope(load_or(y + i, count), load_or(dy + i, count), all), accumulate, count);
  });
}

// Projection onto the simplex: Martins and Astudillo, "From softmax to sparsemax" (2016). The threshold is
// found without sorting, as in Michelot (1986): the mean excess of a shrinking set, until nothing more drops
// out.
HOTLOOP_INLINE void sparsemax(const float* x, float* y, std::int64_t n) {
  const F32 highest = splat(row_largest(x, n)), zero = splat(0.0f), one = splat(1.0f);
  F32 threshold = splat(-1.0f);
  for (float members = __builtin_inff();;) {
    const auto found = sum_vectors<2>(n, [&](std::int64_t i, int count, F32(&sums)[2]) HOTLOOP_BODY {
      const F32 v = keep_first(load_or(x + i, count) - highest, count, threshold);
      const Mask inside = less(threshold, v);
      sums[0] = sums[0] + select(inside, one, zero);
      sums[1] = sums[1] + select(inside, v, zero);  // by how much they exceed it
    });
    const float now = sum(found.of[0]);
    if (now >= members) break;
    members = now;
    threshold = splat((sum(found.of[1]) - 1.0f) / now);
  }
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    store_or(y + i, max(zero, (load_or(x + i, count) - highest) - threshold), count);
  });
}

HOTLOOP_INLINE void sparsemax_gradient(const float* y, const float* dy, float* dx, bool accumulate,
                                       std::int64_t n) {
  const F32 zero = splat(0.0f), one = splat(1.0f);
  const auto sums_of = sum_vectors<2>(n, [&](std::int64_t i, int count, F32(&sums)[2]) HOTLOOP_BODY {
    const Mask inside = less(zero, load_or(y + i, count));
    sums[0] = sums[0] + select(inside, load_or(dy + i, count), zero);
    sums[1] = sums[1] + select(inside, one, zero);
  });
  const F32 mean = splat(sum(sums_of.of[0])) / splat(sum(sums_of.of[1]));
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const Mask inside = less(zero, load_or(y + i, count));
    put(dx + i, select(inside, load_or(dy + i, count) - mean, zero), accumulate, count);
  });
}

// y = a * sigmoid(b), x being a and then b.
HOTLOOP_INLINE void glu(const float* x, float* y, std::int64_t half) {
  each_vector(half, [&](std::int64_t i, int count) HOTLOOP_BODY {
    store_or(y + i, load_or(x + i, count) * sigmoid(load_or(x + half + i, count)), count);
  });
}

HOTLOOP_INLINE void glu_gradient(const float* x, const float* dy, float* dx, bool accumulate,
                                 std::int64_t half) {
  each_vector(half, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const Sigmoid<F32> s = sigmoid_pair(load_or(x + half + i, count));
    const F32 gated = load_or(dy + i, count) * s.value;
    const F32 a = load_or(x + i, count);
    put(dx + i, gated, accumulate, count);
    put(dx + half + i, gated * a * s.complement, accumulate, count);
  });
}

// Row r of a matrix.
HOTLOOP_INLINE void row_forward(Activation kind, const float* x, float* y, std::int64_t r,
                                std::int64_t cols) {
  const float* in = x + r * cols;
  if (kind == Activation::softmax)
    softmax(in, y + r * cols, cols);
  else if (kind == Activation::log_softmax)
    log_softmax(in, y + r * cols, cols);
  else if (kind == Activation::sparsemax)
    sparsemax(in, y + r * cols, cols);
  else
    glu(in, y + r * (cols / 2), cols / 2);
}

HOTLOOP_INLINE void row_backward(Activation kind, const float* x, const float* y, const float* dy, float* dx,
                                 bool accumulate, std::int64_t r, std::int64_t cols) {
  const std::int64_t at = r * cols;
  if (kind == Activation::softmax)
    softmax_gradient(y + at, dy + at, dx + at, accumulate, cols);
  else if (kind == Activation::log_softmax)
    log_softmax_gradient(y + at, dy + at, dx + at, accumulate, cols);
  else if (kind == Activation::sparsemax)
    sparsemax_gradient(y + at, dy + at, dx + at, accumulate, cols);
  else
    glu_gradient(x + at, dy + at / 2, dx + at, accumulate, cols / 2);
}

}  // namespace
}  // namespace hotloop
