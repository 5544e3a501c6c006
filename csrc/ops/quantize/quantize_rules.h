// float32 to bytes in the vector vocabulary, which whoever includes this has included before.
#pragma once
#include "ops/quantize/quantize.h"

namespace hotloop {
namespace {

// Up to 255 steps above zero_point. What lies below the bytes is left to the store; the bound above is a
// whole number, so clamping before rounding gives what clamping after it would.
struct Steps {
  F32 inverse, most;
  HOTLOOP_INLINE Steps(float inverse, std::int32_t zero_point)
      : inverse(splat(inverse)), most(splat(static_cast<float>(255 - zero_point))) {}
  HOTLOOP_INLINE I32 of(F32 x) const { return to_int(min(nan_to_zero(x) * inverse, most)); }
};

HOTLOOP_INLINE F32 dequantized(I32 q, Quantization how) {
  return to_float(q - splat(how.zero_point)) * splat(how.scale);
}

// A row's own scale and zero point, from the least and the largest of its numbers.
struct RowScale {
  F32 scale, inverse, zero_point;
};
HOTLOOP_INLINE RowScale row_scale(float least, float most) {
  const F32 zero = splat(0.0f), bytes = splat(255.0f);
  const F32 low = min(splat(least), zero), high = max(splat(most), zero);
  const F32 scale = max(high / bytes - low / bytes, splat(0x1p-100f));
  const F32 inverse = splat(1.0f) / scale;
  // An infinite row has inverse 0 and low * inverse NaN, which the order of min's operands turns into 255.
  return {scale, inverse, round_even(max(min(-low * inverse, bytes), zero))};
}

// The bin of a number, as a whole number: floor((x - low) * per_bin), at the ends where it lies outside; -1
// for NaN.
HOTLOOP_INLINE I32 bin_of(F32 x, float low, float per_bin, float bins) {
  const F32 one = splat(1.0f);
  const F32 place = min(max((x - splat(low)) * splat(per_bin), splat(0.0f)), splat(bins) - one);
  const F32 rounded = round_even(place);
  const F32 floor = select(greater(rounded, place), rounded - one, rounded);
  return to_int(select(is_nan(x), -one, floor));
}

}  // namespace
}  // namespace hotloop
