#include <algorithm>

#include "cuda/device/shared.h"
#include "cuda/launch.h"
#include "ops/mlp/mlp_layers.cuh"

#include "ops/activation/row_activation_rows.h"

namespace hotloop::cuda {
namespace {

constexpr int kThreads = 256, kBlockRows = kThreads / kWarp * kMlpRows;

int widest(const Mlp& mlp) {
  std::int64_t units = 0;
  for (int i = 0; i < mlp.count; ++i) units = std::max(units, mlp.layers[i].units);
  return static_cast<int>(units);
}

// A block takes kBlockRows rows through all layers; what is between two layers stays in shared memory: the
// input, then two buffers in turns.
__global__ void __launch_bounds__(kThreads, 1)
    mlp_forward_kernel(const __grid_constant__ Mlp mlp, const float* x, std::int64_t rows, float* y,
                       int width) {
  float* const input = reinterpret_cast<float*>(dynamic_shared());
  const int inputs = static_cast<int>(mlp.layers[0].inputs);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kBlockRows;
  const int count = static_cast<int>(rows - first < kBlockRows ? rows - first : kBlockRows);
  for (int i = static_cast<int>(threadIdx.x); i < count * inputs; i += kThreads)
    input[i] = x[first * inputs + i];
  float *to = input + kBlockRows * inputs, *other = to + kBlockRows * width;
  __syncthreads();

  const float* from = input;
  int from_row = inputs;
  for (int l = 0; l < mlp.count; ++l) {
    mlp_layer(mlp.layers[l], from, from_row, to, width, count);
    from = to, from_row = width;
    to = other, other = const_cast<float*>(from);
  }

  const int units = static_cast<int>(mlp.layers[mlp.count - 1].units);
  const int row_of_lanes = static_cast<int>(threadIdx.x) / kLanes;
  if (mlp.last == Activation::linear) {
    for (int i = static_cast<int>(threadIdx.x); i < count * units; i += kThreads)
      y[first * units + i] = from[i / units * width + i % units];
    return;
  }
  for (int r = row_of_lanes; r < count; r += kThreads / kLanes) {
    float* const out = y + (first + r) * units;
    if (mlp.last == Activation::softmax)
      softmax(from + r * width, out, units);
    else if (mlp.last == Activation::log_softmax)
      log_softmax(from + r * width, out, units);
    else
      sparsemax(from + r * width, out, units);
  }
}

}  // namespace

bool is_small(const Mlp& mlp) {
  if (mlp.count < 1 || mlp.layers[0].inputs > kMostMlpInputs) return false;
  for (int i = 0; i < mlp.count; ++i)
    if (mlp.layers[i].units > kMostMlpUnits || (i > 0 && mlp.layers[i].inputs != mlp.layers[i - 1].units))
      return false;
  const std::int64_t room = kBlockRows * (mlp.layers[0].inputs + 2 * widest(mlp)) * size_of(DType::f32);
  if (room > device_limits().shared_memory) return false;
  const bool along_a_row = mlp.last == Activation::softmax || mlp.last == Activation::log_softmax ||
                           mlp.last == Activation::sparsemax;
  return mlp.last == Activation::linear || along_a_row;
}

void mlp_forward(const Mlp& mlp, const float* x, std::int64_t rows, float* y) {
  const int width = widest(mlp);
  const auto floats = static_cast<std::size_t>(kBlockRows) * (mlp.layers[0].inputs + 2 * width);
  launch("small network", mlp_forward_kernel,
         {dim3(static_cast<unsigned>(divide_up(rows, kBlockRows))), dim3(kThreads), floats * sizeof(float)},
         mlp, x, rows, y, width);
}

}  // namespace hotloop::cuda
