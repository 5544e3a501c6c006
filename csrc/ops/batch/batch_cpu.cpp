#include "cpu/simd/simd.h"
#include "ops/batch/batch_kernels.h"

namespace hotloop {
namespace {

HOTLOOP_INLINE void widen(const std::uint8_t* source, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, to_float(load_u8(source + i)));
  for (; i < n; ++i) out[i] = static_cast<float>(source[i]);
}

// The bits of |x| as an integer grow with |x|; infinities and NaNs come last.
HOTLOOP_INLINE I32 magnitude(F32 x) { return as_int(x) & splat(0x7fffffff); }
constexpr std::int32_t kInfinityBits = 0x7f800000;

HOTLOOP_INLINE bool any_at_least(I32 x, std::int32_t bound) {
  alignas(64) std::int32_t lanes[kLanes];
  store_i32(lanes, x);
  bool any = false;
  for (int i = 0; i < kLanes; ++i) any |= lanes[i] >= bound;
  return any;
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gather_rows_u8_kernel(const std::uint8_t* source, std::int64_t row_size, const std::int32_t* index,
                           std::int64_t first, std::int64_t rows, float* out, Share share) {
  const Range mine = share.of(rows);
  if (index == nullptr) {
    widen(source + (first + mine.begin) * row_size, out + mine.begin * row_size,
          (mine.end - mine.begin) * row_size);
    return;
  }
  for (std::int64_t r = mine.begin; r < mine.end; ++r)
    widen(source + index[r] * row_size, out + r * row_size, row_size);
}

bool all_finite_kernel(const float* x, std::int64_t n) {
  // Looked at a block at a time, so that bad data is found without reading all of it.
  constexpr std::int64_t kBlock = 16384, kStep = 4 * kLanes;
  std::int64_t i = 0;
  while (i + kStep <= n) {
    const std::int64_t end = n - i < kBlock ? i + (n - i) / kStep * kStep : i + kBlock;
    I32 a = splat(0), b = a, c = a, d = a;
    for (; i < end; i += kStep) {
      a = max(a, magnitude(load(x + i)));
      b = max(b, magnitude(load(x + i + kLanes)));
      c = max(c, magnitude(load(x + i + 2 * kLanes)));
      d = max(d, magnitude(load(x + i + 3 * kLanes)));
    }
    if (any_at_least(max(max(a, b), max(c, d)), kInfinityBits)) return false;
  }
  for (; i < n; i += kLanes)
    if (any_at_least(magnitude(load_or(x + i, n - i)), kInfinityBits)) return false;
  return true;
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
