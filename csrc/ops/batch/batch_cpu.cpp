#include "cpu/simd/simd.h"
#include "ops/batch/batch_kernels.h"

namespace hotloop {
namespace {

HOTLOOP_INLINE void widen(const std::uint8_t* source, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, to_float(load_u8(source + i)));
  for (; i < n; ++i) out[i] = static_cast<float>(source[i]);
}

// Zero times a finite number is zero, and times any other is NaN, which a sum keeps.
HOTLOOP_INLINE bool any_nan(F32 x) {
  alignas(64) float lanes[kLanes];
  store(lanes, x);
  bool any = false;
  for (int i = 0; i < kLanes; ++i) any |= lanes[i] != lanes[i];
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
  // Looked at a block at a time, so that bad data is found without reading all of it; from the first whole
  // cache line on, which loads from the second-level cache twice as fast as vectors that lie across two.
  constexpr std::int64_t kBlock = 16384, kStep = 4 * kLanes;
  const F32 zero = splat(0.0f);
  const auto misplaced = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(x) % 64);
  std::int64_t i = (64 - misplaced) % 64 / 4;
  if (i > n) i = n;
  if (any_nan(load_or(x, i) * zero)) return false;
  while (i + kStep <= n) {
    const std::int64_t end = n - i < kBlock ? i + (n - i) / kStep * kStep : i + kBlock;
    F32 a = zero, b = zero, c = zero, d = zero;
    for (; i < end; i += kStep) {
      a = fma(load(x + i), zero, a);
      b = fma(load(x + i + kLanes), zero, b);
      c = fma(load(x + i + 2 * kLanes), zero, c);
      d = fma(load(x + i + 3 * kLanes), zero, d);
    }
    if (any_nan((a + b) + (c + d))) return false;
  }
  for (; i < n; i += kLanes)
    if (any_nan(load_or(x + i, n - i) * zero)) return false;
  return true;
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
