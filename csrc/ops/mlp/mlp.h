// Small chains of dense layers in one kernel, in the CUDA half: where a network is so narrow that launching a
// kernel for each of its layers takes longer than the layers do. The bits are those of the layers by
// themselves.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "ops/activation/activation.h"

namespace hotloop::cuda {

constexpr int kMostMlpLayers = 8;
constexpr std::int64_t kMostMlpUnits = 128, kMostMlpInputs = 1024;

// y = activation(x W + b), W (inputs x units) row-major. The activation's derivative follows from its output.
struct MlpLayer {
  std::int64_t inputs = 0, units = 0;
  const float* kernel = nullptr;
  const float* bias = nullptr;  // or null
  ActivationArgs activation{Activation::linear};
};

struct Mlp {
  MlpLayer layers[kMostMlpLayers];
  int count = 0;
  // softmax, log_softmax or sparsemax over the last layer's units, or linear for none.
  Activation last = Activation::linear;
};

// Whether the layers follow on each other, and are narrow enough for this GPU.
bool is_small(const Mlp& mlp);
// y = mlp(x): x is rows x inputs, y rows x units.
void mlp_forward(const Mlp& mlp, const float* x, std::int64_t rows, float* y);

}  // namespace hotloop::cuda
