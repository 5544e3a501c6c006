// The way out of products on tensor cores, whichever engine made the sums: functors that are called once for
// each pair of neighbouring columns, with (row, column, sum, sum of column + 1), column being even. What lies
// outside of C is passed over, so engines call them for whole tiles.
#pragma once
#include "cuda/launch.h"

#include "cuda/device/bf16.h"
#include "cuda/device/rows.h"

#include "ops/activation/activation_formula.h"
#include "ops/gemm_int8/gemm_int8.h"
#include "ops/gemm_tensor/gemm_tensor.h"

namespace hotloop {
namespace {

// A call, not code in place: thirty formulas would fill the instruction cache of every kernel. Of two
// numbers, whose chains overlap.
__device__ __noinline__ float2 activation_curves(Activation kind, float alpha, float beta, float first,
                                                 float second) {
  float2 y = make_float2(first, second);
  with_formula({kind, alpha, beta}, [&](auto formula) {
    y.x = formula.value(F32{first}).lane;
    y.y = formula.value(F32{second}).lane;
  });
  return y;
}
HOTLOOP_INLINE void activate(const ActivationArgs& activation, float& first, float& second) {
  if (activation.kind == Activation::linear) return;
  if (activation.kind == Activation::relu) {
    first = Relu{}.value(F32{first}).lane;
    second = Relu{}.value(F32{second}).lane;
    return;
  }
  const float2 y = activation_curves(activation.kind, activation.alpha, activation.beta, first, second);
  first = y.x, second = y.y;
}

// Whether pairs of `size`-byte numbers from `data` on, rows `stride` numbers apart, may be stored as one.
inline bool takes_pairs(const void* data, std::int64_t stride, std::int64_t size) {
  return stride % 2 == 0 &&
         reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(2 * size) == 0;
}

template <class T>
struct alignas(2 * sizeof(T)) Pair {
  T first, second;
};
// `two`: the second column exists; `paired`: the place is aligned to a pair.
template <class T>
HOTLOOP_INLINE void store_pair(T* to, T first, T second, bool two, bool paired) {
  if (two && paired) {
    *reinterpret_cast<Pair<T>*>(to) = {first, second};
  } else {
    to[0] = first;
    if (two) to[1] = second;
  }
}

// GemmTensorArgs's.
struct FloatEpilogue {
  std::int64_t m, n;
  float* c;
  std::uint16_t* c_bf16;
  std::int64_t ldc;
  const float* bias;
  bool accumulate, paired;
  ActivationArgs activation;

  explicit FloatEpilogue(const GemmTensorArgs& g)
      : m(g.m),
        n(g.n),
        c(g.c),
        c_bf16(g.c_bf16),
        ldc(g.ldc),
        bias(g.bias),
        accumulate(g.accumulate),
        paired(g.c_bf16 != nullptr ? takes_pairs(g.c_bf16, g.ldc, 2) : takes_pairs(g.c, g.ldc, 4)),
        activation(g.activation) {}

  HOTLOOP_INLINE float value(std::int64_t at, std::int64_t column, float sum) const {
    if (bias != nullptr) sum = __fadd_rn(sum, bias[column]);
    return accumulate ? __fadd_rn(c[at], sum) : sum;
  }
  HOTLOOP_INLINE void operator()(std::int64_t row, std::int64_t column, float first, float second) const {
    if (row >= m || column >= n) return;
    const bool two = column + 1 < n;
    const std::int64_t at = row * ldc + column;
    first = value(at, column, first);
    if (two) second = value(at + 1, column + 1, second);
    activate(activation, first, second);
    if (c_bf16 != nullptr)
      store_pair(c_bf16 + at, bf16_of(first), bf16_of(second), two, paired);
    else
      store_pair(c + at, first, second, two, paired);
  }
};

// GemmInt8Args's, by the very operations of int8_finish_tile.h: the bytes are the CPU's.
struct Int8Epilogue {
  GemmInt8Args g;
  bool paired;

  explicit Int8Epilogue(const GemmInt8Args& args)
      : g(args), paired(takes_pairs(args.c, args.c_row, args.output == Int8Output::u8 ? 1 : 4)) {}

  HOTLOOP_INLINE std::int32_t whole(std::int64_t row, std::int64_t column, std::int32_t sum) const {
    I32 total{sum};
    if (g.bias != nullptr) total = total + I32{g.bias[column]};
    if (g.row_scale != nullptr) total = total - I32{g.row_zero_point[row]} * I32{g.column_sum[column]};
    return total.lane;
  }
  HOTLOOP_INLINE float value(std::int64_t row, std::int64_t column, std::int32_t sum) const {
    const F32 total = to_float(I32{whole(row, column, sum)}), scale{g.scale[column]};
    F32 value = g.row_scale == nullptr ? total * scale : total * (F32{g.row_scale[row]} * scale);
    if (g.row_scale != nullptr && g.float_bias != nullptr) value = value + F32{g.float_bias[column]};
    return value.lane;
  }
  HOTLOOP_INLINE std::uint8_t byte(float value) const {
    const F32 most{static_cast<float>(255 - g.out_zero_point)};
    const I32 steps = to_int(min(nan_to_zero(F32{value}) * F32{g.out_inverse_scale}, most));
    return static_cast<std::uint8_t>(max(steps + I32{g.out_zero_point}, I32{0}).lane);
  }
  HOTLOOP_INLINE void operator()(std::int64_t row, std::int64_t column, std::int32_t first,
                                 std::int32_t second) const {
    if (row >= g.m || column >= g.n) return;
    const bool two = column + 1 < g.n;
    const std::int64_t at = row * g.c_row + column, other = two ? column + 1 : column;
    if (g.output == Int8Output::s32)
      return store_pair(static_cast<std::int32_t*>(g.c) + at, whole(row, column, first),
                        whole(row, other, second), two, paired);
    float left = value(row, column, first), right = value(row, other, second);
    if (g.activation.kind == Activation::relu) {
      // With zero as the second operand a NaN becomes zero, which Relu's own order would keep.
      left = max(F32{left}, F32{0.0f}).lane, right = max(F32{right}, F32{0.0f}).lane;
    } else {
      activate(g.activation, left, right);
    }
    if (g.output == Int8Output::f32)
      store_pair(static_cast<float*>(g.c) + at, left, right, two, paired);
    else
      store_pair(static_cast<std::uint8_t*>(g.c) + at, byte(left), byte(right), two, paired);
  }
};

}  // namespace
}  // namespace hotloop
