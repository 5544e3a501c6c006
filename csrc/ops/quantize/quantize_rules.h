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

// Steps above a column's offset, up to 255.
HOTLOOP_INLINE I32 column_steps(F32 x, F32 offset, F32 inverse) {
  return to_int(min(nan_to_zero((x - offset) * inverse), splat(255.0f)));
}

HOTLOOP_INLINE F32 dequantized(I32 q, Quantization how) {
  return to_float(q - splat(how.zero_point)) * splat(how.scale);
}

// A row's own scale and zero point, from the least and the largest of its numbers.
struct RowScale {
  float scale, inverse;
  std::int32_t zero_point;
};
HOTLOOP_INLINE RowScale row_scale(float least, float most) {
  constexpr float kSmallest = 0x1p-100f, kWhole = 0x1.8p23f;  // what is added to kWhole is rounded to even
  const float low = least < 0.0f ? least : 0.0f, high = most > 0.0f ? most : 0.0f;
  const float wanted = high / 255.0f - low / 255.0f, scale = wanted < kSmallest ? kSmallest : wanted;
  const float inverse = 1.0f / scale, zero = -low * inverse;
  // An infinite row has inverse 0 and low * inverse NaN, which the comparison turns into 255.
  const float bounded = zero < 255.0f ? zero : 255.0f;
  return {scale, inverse, static_cast<std::int32_t>((bounded + kWhole) - kWhole)};
}

}  // namespace
}  // namespace hotloop
