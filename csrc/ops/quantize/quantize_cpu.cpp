#include "cpu/simd/simd.h"

#include "ops/quantize/quantize.h"
#include "ops/quantize/quantize_rules.h"

namespace hotloop {
namespace {

// Not inlined into the loop over rows: short ones take a little less time so.
__attribute__((noinline)) void quantize(const float* x, float inverse, std::int32_t zero_point,
                                        std::uint8_t* q, std::int64_t n) {
  const Steps steps(inverse, zero_point);
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    store_u8_clamped(q + i, steps.of(load(x + i)), steps.of(load(x + i + kLanes)), zero_point);
  const I32 shift = splat(zero_point), zero = splat(0);
  for (; i < n; i += kLanes) {
    const int rest = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
    const I32 bytes = max(steps.of(load_or(x + i, rest)) + shift, zero);
    if (rest == kLanes)
      store_u8(q + i, bytes);
    else
      store_u8(q + i, bytes, rest);
  }
}

__attribute__((noinline)) void range_of(const float* x, std::int64_t n, float* low, float* high) {
  const F32 infinity = splat(__builtin_inff());
  F32 smallest[4] = {infinity, infinity, infinity, infinity};
  F32 largest_of[4] = {-infinity, -infinity, -infinity, -infinity};
  std::int64_t i = 0;
  // A NaN as the first operand of min and max leaves the second, so it does not count.
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const F32 numbers = load(x + i + v * kLanes);
      smallest[v] = min(numbers, smallest[v]);
      largest_of[v] = max(numbers, largest_of[v]);
    }
  }
  for (; i < n; i += kLanes) {
    const F32 numbers = load_or(x + i, n - i);
    const Mask there = first_lanes(n - i);
    smallest[0] = min(select(there, numbers, infinity), smallest[0]);
    largest_of[0] = max(select(there, numbers, -infinity), largest_of[0]);
  }
  const F32 low_lanes = min(min(smallest[0], smallest[1]), min(smallest[2], smallest[3]));
  const F32 high_lanes = max(max(largest_of[0], largest_of[1]), max(largest_of[2], largest_of[3]));
  // Adding zero makes one zero of the two, whichever lane it came from.
  *low = -largest(-low_lanes) + 0.0f;
  *high = largest(high_lanes) + 0.0f;
}

}  // namespace

namespace HOTLOOP_LEVEL {

void quantize_kernel(const float* x, float inverse, std::int32_t zero_point, std::uint8_t* q,
                     std::int64_t n) {
  quantize(x, inverse, zero_point, q, n);
}

void quantize_columns_kernel(const float* x, std::int64_t rows, std::int64_t cols, const float* inverse,
                             const float* offset, std::uint8_t* q) {
  for (std::int64_t row = 0; row < rows; ++row, x += cols, q += cols) {
    std::int64_t i = 0;
    for (; i + 2 * kLanes <= cols; i += 2 * kLanes)
      store_u8_clamped(
          q + i, column_steps(load(x + i), load(offset + i), load(inverse + i)),
          column_steps(load(x + i + kLanes), load(offset + i + kLanes), load(inverse + i + kLanes)), 0);
    for (; i < cols; i += kLanes) {
      const int rest = cols - i < kLanes ? static_cast<int>(cols - i) : kLanes;
      const I32 steps =
          column_steps(load_or(x + i, rest), load_or(offset + i, rest), load_or(inverse + i, rest));
      if (rest == kLanes)
        store_u8(q + i, max(steps, splat(0)));
      else
        store_u8(q + i, max(steps, splat(0)), rest);
    }
  }
}

void quantize_rows_kernel(const float* x, std::int64_t rows, std::int64_t cols, std::uint8_t* q, float* scale,
                          std::int32_t* zero_point, Share share) {
  const Range mine = share.of(rows);
  for (std::int64_t row = mine.begin; row < mine.end; ++row) {
    float low, high;
    range_of(x + row * cols, cols, &low, &high);
    const RowScale own = row_scale(low, high);
    scale[row] = own.scale, zero_point[row] = own.zero_point;
    quantize(x + row * cols, own.inverse, own.zero_point, q + row * cols, cols);
  }
}

void dequantize_kernel(const std::uint8_t* q, Quantization how, float* x, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(x + i, dequantized(load_u8(q + i), how));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    store(x + i, dequantized(load_u8(q + i, rest), how), rest);
  }
}

void min_max_kernel(const float* x, std::int64_t n, float* low, float* high) { range_of(x, n, low, high); }

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
