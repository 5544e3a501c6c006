// Losses with their gradients, one pass over the predictions.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

enum class Loss : std::int32_t {
  mean_squared_error,
  half_squared_error,  // 1/2 (p - y)^2, summed over a row: the textbook's
  mean_absolute_error,
  huber,
  binary_crossentropy,
  categorical_crossentropy,
  sparse_categorical_crossentropy,
  hinge,
  squared_hinge,
  categorical_hinge,
  log_cosh,
  poisson,
  kl_divergence,
  mean_absolute_percentage_error,
  mean_squared_logarithmic_error,
  values,  // the predictions themselves: losses that ops have computed before; no target is looked at
};
Loss loss_from_name(const char* name);  // throws std::invalid_argument naming the known ones
const char* loss_name(Loss kind);
// Keras's epsilon, which keeps logarithms and quotients finite.
constexpr float kLossEpsilon = 1e-7f;
constexpr float kLossNearlyOne = 1.0f - 1e-7f;

// What the predictions are. With logits the loss applies sigmoid (binary) or softmax (the categoricals)
// itself, in the numerically safe fused form, and can write the probabilities out.
struct LossArgs {
  Loss kind = Loss::mean_squared_error;
  bool from_logits = false;
  float label_smoothing = 0.0f;  // binary and categorical
  float delta = 1.0f;            // huber
  std::int64_t rows = 0, cols = 0;
  const float* prediction = nullptr;            // rows x cols
  const float* target = nullptr;                // rows x cols, or null for the sparse kind
  const std::int32_t* sparse_target = nullptr;  // rows, each in [0, cols)
  const float* weight = nullptr;                // rows, or null for all ones
  float gradient_scale = 1.0f;                  // usually 1 / rows
  float* row_loss = nullptr;                    // rows: weight[i] * loss of row i (unscaled)
  float* gradient = nullptr;     // rows x cols: gradient_scale * weight[i] * dloss/dprediction; or null
  float* probability = nullptr;  // rows x cols, only from_logits; or null
};
// Rows are shared out among the team; a row's numbers depend on that row alone.
void loss_forward_backward(const LossArgs& args, Share share);
// The same formulas in double, one row at a time.
void loss_ref(const LossArgs& args);
// One row: options (kind, from_logits, label_smoothing, delta, cols) come from args, its pointers are not
// looked at. target is not read for the sparse kind; gradient and probability may be null. Returns the loss.
double loss_row_ref(const LossArgs& args, const double* prediction, const double* target,
                    std::int32_t sparse_target, double* gradient, double* probability);

}  // namespace hotloop
