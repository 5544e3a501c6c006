// Training a small chain of dense layers: many steps in one launch, by one block of threads that keeps a
// batch and all that is made of it in shared memory. The bits are those of the program's ordinary steps.
#pragma once
#include "cuda/context.h"
#include "ops/loss/loss.h"
#include "ops/mlp/mlp.h"
#include "ops/optimizer/optimizer.h"

namespace hotloop::cuda {

// Where a layer's parameters lie in the arenas, in floats; bias -1 for none.
struct MlpPlace {
  std::int64_t kernel = 0, bias = -1;
  bool decay_kernel = false, decay_bias = false;
};

struct MlpTraining {
  Mlp mlp;  // its kernels and biases lie in the arena
  MlpPlace places[kMostMlpLayers];
  float *parameters = nullptr, *gradients = nullptr, *slots[kOptimizerSlots] = {};
  // One a step of the call, of which step->index says the next.
  const OptimizerScalars* scalars = nullptr;
  DeviceStep* step = nullptr;
  Progress* progress = nullptr;  // in device memory
  Progress* seen = nullptr;      // a copy in page-locked memory

  // Rows of the data, in an order or (null) as they are; batch after batch from step->first_row on.
  const void* inputs = nullptr;
  bool bytes = false;  // the inputs are uint8, else float32
  const void* targets = nullptr;
  std::int64_t target_size = 1;  // numbers a row; int32 where the loss is sparse, else float32
  const float* weights = nullptr;
  const std::int32_t* order = nullptr;
  std::int64_t rows = 0, batch_size = 0;

  LossArgs loss;       // kind and options
  bool fused = false;  // the loss does the last activation too: what is recorded are its probabilities
  float head_weight = 1.0f;
  float* predictions = nullptr;  // rows x units, by place in the order; or null

  std::int64_t steps = 0;
};

// Whether one block can do it: shared memory holds a batch of so many rows with all its values.
bool fits_a_block(const Mlp& mlp, std::int64_t batch_size, std::int64_t target_size);
void mlp_train(const MlpTraining& training);

}  // namespace hotloop::cuda
