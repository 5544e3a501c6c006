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

// Of a batch's column.
struct Moments {
  F32 center, variance, inverse;
  HOTLOOP_INLINE Moments(F32 center, F32 variance, float epsilon)
      : center(center), variance(variance), inverse(inverse_of(variance, epsilon)) {}
};
// The square of a deviation beyond 1e19 is infinite. Columns with such are summed once more, of numbers times
// this, which loses nothing that counts beside them.
constexpr float kShrink = 0x1p-80f, kLargest = 0x1.fffffep127f;
HOTLOOP_INLINE Mask fits(F32 variance) { return less_equal(variance, splat(kLargest)); }
HOTLOOP_INLINE bool all_fit(F32 variance) {
  return largest(select(fits(variance), splat(0.0f), splat(1.0f))) == 0.0f;
}
// The moments of x from those of kShrink * x, where they did not fit. A variance that is itself beyond
// float32 counts as the largest number there is; a NaN comes through.
HOTLOOP_INLINE Moments with_shrunk(const Moments& m, F32 center, F32 variance, float epsilon) {
  const F32 shrink = splat(kShrink), grow = splat(1.0f / kShrink);
  const Moments small(center, variance, epsilon * kShrink * kShrink);
  const Mask keep = fits(m.variance);
  Moments result = m;
  result.center = select(keep, m.center, small.center * grow);
  result.variance = select(keep, m.variance, min(splat(kLargest), (small.variance * grow) * grow));
  result.inverse = select(keep, m.inverse, small.inverse * shrink);
  return result;
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
