// u8 activations times s8 weights, exact in int32, with everything a layer does to the sum fused in.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "ops/activation/activation.h"

namespace hotloop {

class AlignedBuffer;

// Weights lie packed as [ceil(n / 16)][ceil(k / 4)][16][4], padded with zeros: four consecutive k of sixteen
// columns are one vector, as dot4 wants them.
constexpr std::int64_t packed_size_s8(std::int64_t k, std::int64_t n) {
  return (n + 15) / 16 * ((k + 3) / 4) * 64;
}
// weights: k x n, row-major.
void pack_weights_s8(const std::int8_t* weights, std::int64_t k, std::int64_t n, std::int8_t* packed);
// Of each column of packed weights the sum, and the sum of absolute values (may be null). A zero point z of
// the activations costs nothing at run time: sum((a - z) w) = sum(a w) - z sum(w), and the last term joins
// the bias.
void column_sums_s8(const std::int8_t* packed, std::int64_t k, std::int64_t n, std::int32_t* sums,
                    std::int64_t* absolute);
// What turns a float32 layer's bias and scales into the integers and multipliers of GemmInt8Args:
//   bias32[j] = rne(bias[j] / (in_scale * weight_scale[j])) - in_zero_point * column j's sum
//   multiplier[j] = float(in_scale * weight_scale[j] / divisor)
// in double. Throws std::invalid_argument where a scale is not positive and finite, or where the sum of any
// input with the bias might not fit an int32.
struct Int8Folding {
  float in_scale = 1.0f;
  std::int32_t in_zero_point = 0;
  const float* weight_scale = nullptr;  // n
  const float* bias = nullptr;          // n, or null
  double divisor = 1.0;                 // the output's scale, or 1
};
void fold_int8(const Int8Folding& layer, const std::int8_t* packed, std::int64_t k, std::int64_t n,
               std::int32_t* bias32, float* multiplier);
// The same weights as the kernels of this half read them best, for products that come again and again: on a
// GPU by columns, [n][placed_depth_s8(k)], filled up with zeros, in `keep`; on a CPU as they are, and they
// have to stay. packed: in host memory.
constexpr std::int64_t placed_depth_s8(std::int64_t k) { return round_up(k, 16); }
const std::int8_t* place_weights_s8(const std::int8_t* packed, std::int64_t k, std::int64_t n,
                                    AlignedBuffer& keep);
// Up to here no sum of k products can overflow an int32.
constexpr std::int64_t kLargestInt8Depth = 65536;

enum class Int8Output : std::int32_t { s32, f32, u8 };

// sum[i,j]  = sum over k of a[i,k] w[k,j] + bias[j] - row_zero_point[i] * column_sum[j]    in int32, wrapping
// value[i,j] = act(float(sum) * scale[j])                                                    or, with rows'
// scales,
//              act(float(sum) * (row_scale[i] * scale[j]) + float_bias[j])
// c[i,j]    = sum (s32) | value (f32) | clamp(rne(value * out_inverse_scale) + out_zero_point, 0, 255) (u8)
// Every float operation is one IEEE float32 operation, in this order: the bytes are the same on every level.
struct GemmInt8Args {
  std::int64_t m = 0, n = 0, k = 0;
  const std::uint8_t* a = nullptr;
  std::int64_t a_row = 0;
  const std::int8_t* weights = nullptr;  // packed
  bool weights_are_placed = false;       // by place_weights_s8
  const std::int32_t* bias = nullptr;    // n, or null
  const float* scale = nullptr;          // n; not used for s32
  // Activations whose rows have their own scale and zero point (quantize_rows_u8): m, m, n; or all null.
  const float* row_scale = nullptr;
  const std::int32_t* row_zero_point = nullptr;
  const std::int32_t* column_sum = nullptr;
  const float* float_bias = nullptr;              // n, or null; only with row_scale
  ActivationArgs activation{Activation::linear};  // elementwise kinds only
  Int8Output output = Int8Output::s32;
  void* c = nullptr;
  std::int64_t c_row = 0;  // in elements
  float out_inverse_scale = 1.0f;
  std::int32_t out_zero_point = 0;
  // Columns from the last to the first. Whoever multiplies by the same weights again and again turns round
  // each time: of weights larger than the second-level cache, it still holds those that came last.
  bool backwards = false;
};

void gemm_int8(const GemmInt8Args& args, Share share);
// The same bytes, one element at a time.
void gemm_int8_ref(const GemmInt8Args& args);

}  // namespace hotloop
