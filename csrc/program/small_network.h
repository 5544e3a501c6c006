// Which graphs are small chains of dense layers, that the CUDA half runs in one kernel: see ops/mlp.
#pragma once
#include <optional>

#include "ops/mlp/mlp.h"
#include "ops/mlp/mlp_train.h"
#include "program/graph.h"
#include "program/head.h"
#include "program/update.h"

namespace hotloop {

// Says how to predict so many rows in one kernel, where that is possible and likely to be faster.
// HOTLOOP_CUDA_SMALL=always|never leaves no choice where it is possible: for measuring, and for tests.
std::optional<cuda::Mlp> small_network(const Graph& graph, const std::vector<ValueId>& outputs,
                                       const float* parameters, std::int64_t rows);
// The same for training: what is fixed for a call, all but the data and what the call has come to.
std::optional<cuda::MlpTraining> small_training(const Graph& graph, const std::vector<ValueId>& outputs,
                                                const std::vector<HeadSpec>& heads, const Update& update,
                                                float* parameters, float* gradients, std::int64_t batch_size,
                                                std::int64_t target_size);

}  // namespace hotloop
