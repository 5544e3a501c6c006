#include "ops/quantize/quantize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace hotloop {
namespace {

constexpr std::int64_t kGrain = 4096;

}  // namespace

Quantization checked_quantization(double scale, std::int64_t zero_point, const char* what) {
  const float rounded = static_cast<float>(scale);
  require(std::isfinite(rounded) && rounded > 0 && std::isfinite(1.0f / rounded), what,
          ": expected a positive finite scale whose inverse is finite in float32, got ", scale);
  require(zero_point >= 0 && zero_point <= 255, what, ": expected a zero point from 0 to 255, got ",
          zero_point);
  return {rounded, static_cast<std::int32_t>(zero_point)};
}

void quantize_u8(const float* x, Quantization how, std::uint8_t* q, std::int64_t n, Share share) {
  const Range mine = share.of(n, kGrain);
  HOTLOOP_SELECT(quantize_kernel)
  (x + mine.begin, 1.0f / how.scale, how.zero_point, q + mine.begin, mine.end - mine.begin);
}

void checked_columns(const float* scale, const float* offset, std::int64_t cols, const char* what,
                     float* inverse) {
  for (std::int64_t c = 0; c < cols; ++c) {
    inverse[c] = 1.0f / checked_quantization(scale[c], 0, what).scale;
    require(std::isfinite(offset[c]), what, ": expected finite offsets, got ", offset[c], " for column ", c);
  }
}

void quantize_columns_u8(const float* x, std::int64_t rows, std::int64_t cols, const float* inverse,
                         const float* offset, std::uint8_t* q, Share share) {
  const Range mine = share.of(rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, cols)));
  HOTLOOP_SELECT(quantize_columns_kernel)
  (x + mine.begin * cols, mine.end - mine.begin, cols, inverse, offset, q + mine.begin * cols);
}

void dequantize_u8(const std::uint8_t* q, Quantization how, float* x, std::int64_t n, Share share) {
  const Range mine = share.of(n, kGrain);
  HOTLOOP_SELECT(dequantize_kernel)(q + mine.begin, how, x + mine.begin, mine.end - mine.begin);
}

void quantize_rows_u8(const float* x, std::int64_t rows, std::int64_t cols, std::uint8_t* q, float* scale,
                      std::int32_t* zero_point, Share share) {
  HOTLOOP_SELECT(quantize_rows_kernel)(x, rows, cols, q, scale, zero_point, share);
}

void min_max(const float* x, std::int64_t n, float* low, float* high) {
  HOTLOOP_SELECT(min_max_kernel)(x, n, low, high);
}

}  // namespace hotloop
