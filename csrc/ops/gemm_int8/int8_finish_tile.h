// The way out of the kernels: from a tile's int32 sums, in the nearest cache, to what the layer gives. Both
// kinds of tiles end here, so that their bytes cannot differ.
#pragma once
#include "cpu/simd/simd.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {
namespace {

constexpr int kMostSums = 1024;

// rows x cols sums for the output from (i, j) on, each row of them `width` numbers long: a multiple of 16.
struct SumTile {
  const std::int32_t* sums;
  std::int64_t i, j;
  int rows, cols, width;
};

HOTLOOP_INLINE I32 load_i32_or(const std::int32_t* p, int n) {
  return n == kLanes ? load_i32(p) : load_i32(p, n);
}

// What n columns from j on have in common. by_row: rows have scales and zero points of their own.
template <bool by_row>
struct Columns {
  I32 bias, column_sum;
  F32 scale, float_bias;
  bool adds_float;

  HOTLOOP_INLINE Columns(const GemmInt8Args& g, std::int64_t j, int n)
      : bias(g.bias != nullptr ? load_i32_or(g.bias + j, n) : splat(0)),
        column_sum(by_row ? load_i32_or(g.column_sum + j, n) : splat(0)),
        scale(load_or(g.scale + j, n)),
        float_bias(by_row && g.float_bias != nullptr ? load_or(g.float_bias + j, n) : splat(0.0f)),
        adds_float(by_row && g.float_bias != nullptr) {}

  HOTLOOP_INLINE F32 value(const GemmInt8Args& g, const std::int32_t* sums, std::int64_t i) const {
    return value(g, load_i32(sums), i);
  }
  HOTLOOP_INLINE F32 value(const GemmInt8Args& g, I32 sums, std::int64_t i) const {
    const I32 sum = sums + bias;
    if (!by_row) return to_float(sum) * scale;
    const F32 value =
        to_float(sum - splat(g.row_zero_point[i]) * column_sum) * (splat(g.row_scale[i]) * scale);
    return adds_float ? value + float_bias : value;
  }
};

// From values to bytes. The upper bound is a whole number, so clamping before rounding gives what clamping
// after it would; what lies below the bytes is left to the store.
struct ByteSteps {
  F32 inverse, most, zero;
  std::int32_t zero_point;

  HOTLOOP_INLINE explicit ByteSteps(const GemmInt8Args& g)
      : inverse(splat(g.out_inverse_scale)),
        most(splat(static_cast<float>(255 - g.out_zero_point))),
        zero(splat(0.0f)),
        zero_point(g.out_zero_point) {}

  // scaled: out_inverse_scale is not 1. A NaN is no number above zero, so relu takes care of it as well.
  template <bool relu, bool scaled>
  HOTLOOP_INLINE I32 of(F32 value) const {
    const F32 number = relu ? max(value, zero) : nan_to_zero(value);
    return to_int(min(scaled ? number * inverse : number, most));
  }
  HOTLOOP_INLINE void put(std::uint8_t* out, I32 steps, int n) const {
    const I32 bytes = max(steps + splat(zero_point), splat(0));
    if (n == kLanes)
      store_u8(out, bytes);
    else
      store_u8(out, bytes, n);
  }
};

HOTLOOP_INLINE int lanes_from(const SumTile& t, int col) {
  return t.cols - col < kLanes ? t.cols - col : kLanes;
}

template <bool by_row, bool relu, bool scaled>
void finish_bytes(const GemmInt8Args& g, const SumTile& t) {
  const ByteSteps steps(g);
  std::uint8_t* out = static_cast<std::uint8_t*>(g.c) + t.i * g.c_row + t.j;
  int col = 0;
  for (; col + 2 * kLanes <= t.cols; col += 2 * kLanes) {
    const Columns<by_row> left(g, t.j + col, kLanes), right(g, t.j + col + kLanes, kLanes);
    for (int r = 0; r < t.rows; ++r) {
      const std::int32_t* sums = t.sums + r * t.width + col;
      const F32 first = left.value(g, sums, t.i + r), second = right.value(g, sums + kLanes, t.i + r);
      store_u8_clamped(out + r * g.c_row + col, steps.of<relu, scaled>(first), steps.of<relu, scaled>(second),
                       g.out_zero_point);
    }
  }
  for (; col < t.cols; col += kLanes) {
    const int n = lanes_from(t, col);
    const Columns<by_row> columns(g, t.j + col, n);
    for (int r = 0; r < t.rows; ++r) {
      const F32 value = columns.value(g, t.sums + r * t.width + col, t.i + r);
      steps.put(out + r * g.c_row + col, steps.of<relu, scaled>(value), n);
    }
  }
}

template <bool by_row, bool relu>
void finish_floats(const GemmInt8Args& g, const SumTile& t, float* out, std::int64_t out_row) {
  const F32 zero = splat(0.0f);
  for (int col = 0; col < t.cols; col += kLanes) {
    const int n = lanes_from(t, col);
    const Columns<by_row> columns(g, t.j + col, n);
    for (int r = 0; r < t.rows; ++r) {
      const F32 value = columns.value(g, t.sums + r * t.width + col, t.i + r);
      store_or(out + r * out_row + col, relu ? max(value, zero) : value, n);
    }
  }
}

template <bool by_row, bool relu>
HOTLOOP_INLINE void finish_values(const GemmInt8Args& g, const SumTile& t) {
  if (g.output == Int8Output::u8)
    g.out_inverse_scale == 1.0f ? finish_bytes<by_row, relu, false>(g, t)
                                : finish_bytes<by_row, relu, true>(g, t);
  else
    finish_floats<by_row, relu>(g, t, static_cast<float*>(g.c) + t.i * g.c_row + t.j, g.c_row);
}

// The other activations, over the tile's values one after the other.
template <bool by_row>
void finish_activation(const GemmInt8Args& g, const SumTile& t) {
  alignas(64) float values[kMostSums];
  const std::int64_t count = std::int64_t{t.rows} * t.cols;
  finish_floats<by_row, false>(g, t, values, t.cols);
  activation_forward(g.activation, values, values, count, Share{});
  const ByteSteps steps(g);
  for (int r = 0; r < t.rows; ++r)
    for (int col = 0; col < t.cols; col += kLanes) {
      const int n = lanes_from(t, col);
      const std::int64_t at = (t.i + r) * g.c_row + t.j + col;
      const F32 value = load_or(values + r * t.cols + col, n);
      if (g.output == Int8Output::u8)
        steps.put(static_cast<std::uint8_t*>(g.c) + at, steps.of<false, true>(value), n);
      else
        store_or(static_cast<float*>(g.c) + at, value, n);
    }
}

void finish_sums(const GemmInt8Args& g, const SumTile& t) {
  for (int r = 0; r < t.rows; ++r) {
    std::int32_t* out = static_cast<std::int32_t*>(g.c) + (t.i + r) * g.c_row + t.j;
    for (int col = 0; col < t.cols; col += kLanes) {
      const int n = lanes_from(t, col);
      I32 sum = load_i32(t.sums + r * t.width + col);
      if (g.bias != nullptr) sum = sum + load_i32_or(g.bias + t.j + col, n);
      if (g.row_scale != nullptr)
        sum = sum - splat(g.row_zero_point[t.i + r]) * load_i32_or(g.column_sum + t.j + col, n);
      if (n == kLanes)
        store_i32(out + col, sum);
      else
        store_i32(out + col, sum, n);
    }
  }
}

[[maybe_unused]] void finish(const GemmInt8Args& g, const SumTile& t) {
  const bool by_row = g.row_scale != nullptr;
  if (g.output == Int8Output::s32)
    finish_sums(g, t);
  else if (g.activation.kind == Activation::relu)
    by_row ? finish_values<true, true>(g, t) : finish_values<false, true>(g, t);
  else if (g.activation.kind == Activation::linear)
    by_row ? finish_values<true, false>(g, t) : finish_values<false, false>(g, t);
  else
    by_row ? finish_activation<true>(g, t) : finish_activation<false>(g, t);
}

}  // namespace
}  // namespace hotloop
