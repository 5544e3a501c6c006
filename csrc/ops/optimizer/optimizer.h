// Optimizer steps, fused: one pass over a stretch of the parameter arena and of its state arenas.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

enum class Optimizer : std::int32_t { sgd, rmsprop, adam };
Optimizer optimizer_from_name(const char* name);

// Scalars of one step, as Keras names them. Formulas stand at the kernel.
struct OptimizerArgs {
  Optimizer kind = Optimizer::sgd;
  float learning_rate = 0.01f;
  float momentum = 0.0f;                 // sgd, rmsprop
  bool nesterov = false;                 // sgd
  float rho = 0.9f;                      // rmsprop
  bool centered = false;                 // rmsprop
  float beta_1 = 0.9f, beta_2 = 0.999f;  // adam
  bool amsgrad = false;                  // adam
  float epsilon = 1e-7f;
  float weight_decay = 0.0f;    // decoupled: w -= learning_rate * weight_decay * w, before the update
  float gradient_scale = 1.0f;  // what clipping by norm leaves of the gradient
  float clip_value = 0.0f;      // > 0: gradients are clamped to [-clip_value, clip_value]
  std::int64_t step = 1;        // counted from 1, for adam's bias correction
};

// Adam and RMSprop keep a mean of g^2: a gradient beyond this counts as this, so that its square fits a
// float.
constexpr float kLargestSquared = 0x1p63f;

// What a step needs besides the arenas, with everything that is the same for all parameters worked out.
struct OptimizerScalars {
  Optimizer kind;
  float learning_rate;  // adam: with the bias correction in it
  float decay;          // learning_rate * weight_decay
  float gradient_scale;
  float clip_value;  // infinity for none, but where gradients are squared
  float momentum;
  float keep_1, take_1;  // adam's beta_1, rmsprop's rho; and 1 minus it
  float take_2;          // adam: 1 - beta_2
  float epsilon;
  bool nesterov, centered, amsgrad;
};
OptimizerScalars optimizer_scalars(const OptimizerArgs& args);

// How many state arenas a kind needs with these options: sgd 0 or 1 (velocity); rmsprop 1 to 3 (mean square,
// momentum, mean gradient); adam 2 or 3 (m, v, vhat). Fixed slots: an unused one may be null.
constexpr int kOptimizerSlots = 3;
// Throws std::invalid_argument where one that these options need is null.
void require_slots(const OptimizerArgs& args, const float* const slots[kOptimizerSlots]);
// w, g and the slots are n floats each.
void optimizer_step(const OptimizerArgs& args, float* w, const float* g, float* const slots[kOptimizerSlots],
                    std::int64_t n, Share share);
// A rectangle of parameters with its gradients: rows are `row` floats apart in w and the slots, `g_row` in g.
struct OptimizerBlock {
  float* w;
  const float* g;
  float* slots[kOptimizerSlots];
  std::int64_t rows, cols, row, g_row;
  const void* const* ahead = nullptr;  // places in memory to ask for on the way
  int ahead_count = 0;                 // at most one for each 64 parameters
};
// The same with scalars worked out before, on this thread alone: for a step made in pieces.
void optimizer_step(const OptimizerScalars& scalars, const OptimizerBlock& block);
void optimizer_ref(const OptimizerArgs& args, float* w, const float* g, float* const slots[kOptimizerSlots],
                   std::int64_t n);

// g[i] += 2 * l2 * w[i] + l1 * sign(w[i])
void add_regularizer_gradient(const float* w, float* g, float l1, float l2, std::int64_t n, Share share);

// Sums over fixed blocks of kSumBlock elements, so that the total does not depend on the team: partial[b] is
// block b's sum of x^2 (or |x|), or where that is beyond float32, less than zero: -2^-160 times the sum.
constexpr std::int64_t kSumBlock = 4096;
constexpr double kOfShrunkSum = -0x1p160;
void sum_squares_blocks(const float* x, std::int64_t n, float* partial, Share share);
void sum_absolute_blocks(const float* x, std::int64_t n, float* partial, Share share);
// Their total in double: partial b goes to chain b mod kTotalChains, and the chains are added in order.
constexpr int kTotalChains = 128;
double block_total(const float* partial, std::int64_t blocks);

}  // namespace hotloop
