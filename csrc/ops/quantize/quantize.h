// float32 to u8 and back with a scale and a zero point, and the statistics they are chosen from.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

// The number x is stored as the byte x / scale + zero_point.
struct Quantization {
  float scale = 1.0f;           // finite, and not so small that 1 / scale overflows
  std::int32_t zero_point = 0;  // 0 to 255
};
// Throws std::invalid_argument, naming `what`, where the numbers are not such.
Quantization checked_quantization(double scale, std::int64_t zero_point, const char* what);

// q = clamp(rne(x * inverse) + zero_point, 0, 255) with inverse = 1 / scale, both in float32; the clamp comes
// before the conversion, so infinities saturate. A NaN becomes zero_point.
void quantize_u8(const float* x, Quantization how, std::uint8_t* q, std::int64_t n, Share share);
// Each of `cols` columns by its own scale and offset, the number that is stored as 0:
//   q = clamp(rne((x - offset[c]) * inverse[c]), 0, 255)
// in float32, so that nothing is lost where all numbers of a column lie far from zero. A NaN becomes 0.
void quantize_columns_u8(const float* x, std::int64_t rows, std::int64_t cols, const float* inverse,
                         const float* offset, std::uint8_t* q, Share share);
// The inverses for it. Throws std::invalid_argument, naming `what`, for scales that checked_quantization
// would refuse and for offsets that are not finite.
void checked_columns(const float* scale, const float* offset, std::int64_t cols, const char* what,
                     float* inverse);
// x = float(q - zero_point) * scale
void dequantize_u8(const std::uint8_t* q, Quantization how, float* x, std::int64_t n, Share share);
// Each row by its own range: with low = min(0, row) and high = max(0, row), not counting NaN,
//   scale = max(high / 255 - low / 255, 2^-100), inverse = 1 / scale, zero_point = clamp(rne(-low * inverse),
//   0, 255)
// in float32, then as above. A row's bytes depend on that row alone.
void quantize_rows_u8(const float* x, std::int64_t rows, std::int64_t cols, std::uint8_t* q, float* scale,
                      std::int32_t* zero_point, Share share);
// The same in double, with a true division.
void quantize_ref(const float* x, Quantization how, std::uint8_t* q, std::int64_t n);

// Smallest and largest of n numbers, not counting NaN; (inf, -inf) of none.
void min_max(const float* x, std::int64_t n, float* low, float* high);

HOTLOOP_PER_ISA(void quantize_kernel(const float* x, float inverse, std::int32_t zero_point, std::uint8_t* q,
                                     std::int64_t n);
                void quantize_columns_kernel(const float* x, std::int64_t rows, std::int64_t cols,
                                             const float* inverse, const float* offset, std::uint8_t* q);
                void quantize_rows_kernel(const float* x, std::int64_t rows, std::int64_t cols,
                                          std::uint8_t* q, float* scale, std::int32_t* zero_point,
                                          Share share);
                void dequantize_kernel(const std::uint8_t* q, Quantization how, float* x, std::int64_t n);
                void min_max_kernel(const float* x, std::int64_t n, float* low, float* high);)

}  // namespace hotloop
