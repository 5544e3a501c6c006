#include "cpu/simd/multiply_wide.h"
#include "cpu/simd/simd.h"
#include "ops/dropout/dropout_kernels.h"

namespace hotloop {
namespace {

HOTLOOP_INLINE I32 splat_bits(std::uint32_t bits) { return splat(static_cast<std::int32_t>(bits)); }

struct Words {
  I32 word[4];
};

// Philox4x32-10 on the counters first to first + 15, one a lane: base/philox.h's rounds.
HOTLOOP_INLINE Words philox_block(const DropoutMask& mask, std::uint32_t first) {
  const I32 m0 = splat_bits(0xD2511F53u), m1 = splat_bits(0xCD9E8D57u);
  I32 a = splat_bits(first) + to_int(lane_numbers()), b = splat_bits(mask.counter[0]);
  I32 c = splat_bits(mask.counter[1]), d = splat_bits(mask.counter[2]);
  std::uint32_t k0 = mask.key[0], k1 = mask.key[1];
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    I32 high0, high1;
    const I32 low0 = multiply_wide(a, m0, high0), low1 = multiply_wide(c, m1, high1);
    a = high1 ^ b ^ splat_bits(k0);
    b = low1;
    c = high0 ^ d ^ splat_bits(k1);
    d = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{a, b, c, d}};
}

HOTLOOP_INLINE void drop_lanes(I32 words, F32 keep_below, F32 scale, const float* x, float* y,
                               bool accumulate, std::int64_t count) {
  const Mask kept = less(to_float(shift_right<8>(words)), keep_below);  // both are exact up to 2^24
  F32 value = select(kept, load_or(x, count) * scale, splat(0.0f));
  if (accumulate) value = load_or(y, count) + value;
  store_or(y, value, count);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void dropout_kernel(const DropoutMask& mask, const float* x, float* y, bool accumulate, std::int64_t n,
                    Share share) {
  const F32 keep_below = splat(static_cast<float>(mask.keep_below)), scale = splat(mask.scale);
  const Range mine = share.of(n, kDropoutBlock);
  for (std::int64_t i = mine.begin; i < mine.end; i += kDropoutBlock) {
    const Words words = philox_block(mask, static_cast<std::uint32_t>(i / kDropoutBlock * kLanes));
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const std::int64_t at = i + j * kLanes;
      if (at < mine.end)
        drop_lanes(words.word[j], keep_below, scale, x + at, y + at, accumulate, mine.end - at);
    }
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
