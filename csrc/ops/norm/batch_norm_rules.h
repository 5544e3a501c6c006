// The formulas of batch normalisation in the vector vocabulary, which whoever includes this has included
// before.
#pragma once
#include "ops/norm/batch_norm.h"

namespace hotloop {
namespace {

// Sums of up to two terms a row go over rows in ascending order. Blocks of rows are summed by themselves
// first, so that the rounding error grows with the block and the number of blocks, not with the number of
// rows.
constexpr std::int64_t kRowBlock = 128;

HOTLOOP_INLINE F32 add_square(F32 total, F32 x, F32 center) {
  const F32 d = x - center;
  return fma(d, d, total);
}
HOTLOOP_INLINE F32 add_product(F32 total, F32 dy, F32 x, F32 center) { return fma(dy, x - center, total); }

HOTLOOP_INLINE F32 inverse_of(F32 variance, float epsilon) {
  return splat(1.0f) / sqrt(variance + splat(epsilon));
}
// A moving statistic after a batch's.
HOTLOOP_INLINE F32 moved(F32 before, F32 batch, float momentum) {
  return fma(before, splat(momentum), batch * splat(1.0f - momentum));
}
// factor: the inverse times gamma.
HOTLOOP_INLINE F32 normalized(F32 x, F32 mean, F32 factor, F32 beta) { return fma(x - mean, factor, beta); }

// dx where mean and variance are of these rows. first, second: the gradients of beta and gamma.
struct InputGradient {
  F32 center, factor, mean_dy, slope;
  HOTLOOP_INLINE InputGradient(F32 mean, F32 inverse, F32 gamma, F32 first, F32 second, std::int64_t rows)
      : center(mean),
        factor(inverse * gamma),
        mean_dy(first / splat(static_cast<float>(rows))),
        slope(inverse * (second / splat(static_cast<float>(rows)))) {}
  HOTLOOP_INLINE F32 of(F32 x, F32 dy) const { return factor * fnma(x - center, slope, dy - mean_dy); }
};

}  // namespace
}  // namespace hotloop
