#include "ops/optimizer/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/names.h"
#include "ops/optimizer/optimizer_kernels.h"

namespace hotloop {
namespace {

constexpr const char* kNames[] = {"sgd", "rmsprop", "adam"};  // in the order of the enumeration

// By squaring, so that the result does not depend on the C library.
double power(double base, std::int64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

}  // namespace

OptimizerScalars optimizer_scalars(const OptimizerArgs& args) {
  OptimizerScalars s{};
  s.kind = args.kind;
  s.learning_rate = args.learning_rate;
  s.decay = args.learning_rate * args.weight_decay;
  s.gradient_scale = args.gradient_scale;
  s.clip_value = args.clip_value > 0.0f ? args.clip_value : std::numeric_limits<float>::infinity();
  if (args.kind != Optimizer::sgd) s.clip_value = std::min(s.clip_value, kLargestSquared);
  s.momentum = args.kind == Optimizer::adam ? 0.0f : args.momentum;
  s.epsilon = args.epsilon;
  s.nesterov = args.nesterov;
  s.centered = args.centered;
  s.amsgrad = args.amsgrad;
  s.keep_1 = args.kind == Optimizer::adam ? args.beta_1 : args.rho;
  s.take_1 = static_cast<float>(1.0 - static_cast<double>(s.keep_1));
  s.take_2 = static_cast<float>(1.0 - static_cast<double>(args.beta_2));
  if (args.kind == Optimizer::adam) {
    const double correction =
        std::sqrt(1.0 - power(args.beta_2, args.step)) / (1.0 - power(args.beta_1, args.step));
    s.learning_rate = static_cast<float>(args.learning_rate * correction);
  }
  return s;
}

Optimizer optimizer_from_name(const char* name) {
  return static_cast<Optimizer>(index_of(name, kNames, "optimizer"));
}

void require_slots(const OptimizerArgs& args, const float* const slots[kOptimizerSlots]) {
  const bool adam = args.kind == Optimizer::adam, rmsprop = args.kind == Optimizer::rmsprop;
  const bool momentum = !adam && args.momentum != 0.0f;
  const bool needed[kOptimizerSlots] = {adam || rmsprop || momentum, adam || (rmsprop && momentum),
                                        (adam && args.amsgrad) || (rmsprop && args.centered)};
  for (int k = 0; k < kOptimizerSlots; ++k)
    require(slots[k] != nullptr || !needed[k], "slots[", k,
            "]: expected an array for this optimizer, got None");
}

void optimizer_step(const OptimizerArgs& args, float* w, const float* g, float* const slots[kOptimizerSlots],
                    std::int64_t n, Share share) {
  const Range mine = share.of(n, 64);
  OptimizerBlock block{.w = w + mine.begin,
                       .g = g + mine.begin,
                       .slots = {},
                       .rows = 1,
                       .cols = mine.end - mine.begin,
                       .row = 0,
                       .g_row = 0};
  for (int k = 0; k < kOptimizerSlots; ++k)
    block.slots[k] = slots[k] == nullptr ? nullptr : slots[k] + mine.begin;
  optimizer_step(optimizer_scalars(args), block);
}

void optimizer_step(const OptimizerScalars& scalars, const OptimizerBlock& block) {
  OptimizerBlock b = block;
  if (b.row == b.cols && b.g_row == b.cols) b.cols *= b.rows, b.rows = 1;
  HOTLOOP_SELECT(optimizer_step_kernel)(scalars, b);
}

void add_regularizer_gradient(const float* w, float* g, float l1, float l2, std::int64_t n, Share share) {
  HOTLOOP_SELECT(add_regularizer_gradient_kernel)(w, g, l1, 2.0f * l2, n, share);
}

void sum_squares_blocks(const float* x, std::int64_t n, float* partial, Share share) {
  HOTLOOP_SELECT(sum_squares_blocks_kernel)(x, n, partial, share);
}

void sum_absolute_blocks(const float* x, std::int64_t n, float* partial, Share share) {
  HOTLOOP_SELECT(sum_absolute_blocks_kernel)(x, n, partial, share);
}

double block_total(const float* partial, std::int64_t blocks) {
  double chains[kTotalChains] = {}, total = 0;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const double sum = partial[b];
    chains[b % kTotalChains] += sum < 0 ? sum * kOfShrunkSum : sum;
  }
  for (const double chain : chains) total += chain;
  return total;
}

}  // namespace hotloop
