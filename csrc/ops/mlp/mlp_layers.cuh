// Layers of a small chain as a block of threads does them, on rows that lie in shared memory.
#pragma once
#include "cuda/device/rows.h"

#include "ops/activation/activation_formula.h"
#include "ops/mlp/mlp.h"

namespace hotloop {
namespace {

using cuda::MlpLayer;

// Each warp takes four rows at a time, each of its lanes every 32nd column: a weight is read by a warp at
// once and used for four rows, an input is broadcast.
constexpr int kWarp = 32, kMlpRows = 4;

HOTLOOP_INLINE int lesser(int a, int b) { return a < b ? a : b; }

// The columns lane, lane + 32, ... of rows [first, first + 4) of x W + b; a row of x is `x_row` floats, of y
// `y_row`.
template <int kColumns>
HOTLOOP_INLINE void mlp_rows(const MlpLayer& layer, const float* x, int x_row, float* y, int y_row, int first,
                             int rows) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, units = static_cast<int>(layer.units);
  const int inputs = static_cast<int>(layer.inputs);
  float sum[kMlpRows][kColumns];
  int column[kColumns];
#pragma unroll
  for (int j = 0; j < kColumns; ++j) {
    column[j] = lesser(lane + j * kWarp, units - 1);  // a lane too many does the last column once more
    const float bias = layer.bias != nullptr ? layer.bias[column[j]] : 0.0f;
#pragma unroll
    for (int i = 0; i < kMlpRows; ++i) sum[i][j] = bias;
  }
  const float* row[kMlpRows];
#pragma unroll
  for (int i = 0; i < kMlpRows; ++i) row[i] = x + lesser(first + i, rows - 1) * x_row;
#pragma unroll 4
  for (int k = 0; k < inputs; ++k) {
    float weight[kColumns];
#pragma unroll
    for (int j = 0; j < kColumns; ++j)
      weight[j] = layer.kernel[static_cast<std::int64_t>(k) * units + column[j]];
#pragma unroll
    for (int i = 0; i < kMlpRows; ++i) {
      const float input = row[i][k];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sum[i][j] = __fmaf_rn(input, weight[j], sum[i][j]);
    }
  }
#pragma unroll
  for (int i = 0; i < kMlpRows; ++i)
#pragma unroll
    for (int j = 0; j < kColumns; ++j)
      if (first + i < rows && lane + j * kWarp < units) y[(first + i) * y_row + column[j]] = sum[i][j];
}

HOTLOOP_INLINE void activate(ActivationArgs args, float* y, int y_row, int rows, int units) {
  with_formula(args, [&](auto formula) {
    for (int i = static_cast<int>(threadIdx.x); i < rows * units; i += static_cast<int>(blockDim.x)) {
      float& value = y[i / units * y_row + i % units];
      value = formula.value(splat(value)).lane;
    }
  });
}

// All rows of a layer, y being rows x y_row with columns to spare. The threads of the block meet before and
// after.
HOTLOOP_INLINE void mlp_layer(const MlpLayer& layer, const float* x, int x_row, float* y, int y_row,
                              int rows) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = static_cast<int>(blockDim.x) / kWarp;
  for (int first = warp * kMlpRows; first < rows; first += warps * kMlpRows) {
    if (layer.units <= kWarp)
      mlp_rows<1>(layer, x, x_row, y, y_row, first, rows);
    else if (layer.units <= 2 * kWarp)
      mlp_rows<2>(layer, x, x_row, y, y_row, first, rows);
    else
      mlp_rows<4>(layer, x, x_row, y, y_row, first, rows);
  }
  __syncthreads();
  if (layer.activation.kind == Activation::linear) return;
  activate(layer.activation, y, y_row, rows, static_cast<int>(layer.units));
  __syncthreads();
}

}  // namespace
}  // namespace hotloop
