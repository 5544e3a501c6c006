// Losses of one number a column, along a row. Include the vector vocabulary first: cpu/simd/rows.h or
// cuda/device/rows.h.
#pragma once
#include "math/loss.h"
#include "ops/loss/loss.h"

namespace hotloop {
namespace {

// divisor: the number of columns for a mean, 1 for a sum.
HOTLOOP_INLINE float row_gradient_scale(const LossArgs& args, float weight, float divisor) {
  return args.gradient_scale * weight / divisor;
}
HOTLOOP_INLINE float row_loss(float total, float weight, float divisor) { return total / divisor * weight; }

template <class Formula>
HOTLOOP_INLINE void one_row(Formula f, const LossArgs& args, std::int64_t r, float divisor) {
  const float weight = args.weight != nullptr ? args.weight[r] : 1.0f;
  const F32 scale = splat(row_gradient_scale(args, weight, divisor)), zero = splat(0.0f);
  const auto total = sum_vectors<1>(args.cols, [&](std::int64_t i, int count, F32(&sums)[1]) HOTLOOP_BODY {
    const std::int64_t at = r * args.cols + i;
    const LossPoint<F32> point = f(load_or(args.prediction + at, count), load_or(args.target + at, count));
    sums[0] = sums[0] + keep_first(point.loss, count, zero);
    if (args.gradient != nullptr) store_or(args.gradient + at, point.slope * scale, count);
    if (args.probability != nullptr) store_or(args.probability + at, point.probability, count);
  });
  args.row_loss[r] = row_loss(sum(total.of[0]), weight, divisor);
}

// Calls apply(formula, mean) for the loss of args: a row's is the mean over its columns, else their sum.
template <class Apply>
HOTLOOP_MATH_CHOICE void with_loss(const LossArgs& args, Apply apply) {
  switch (args.kind) {
    case Loss::mean_squared_error:
      return apply(SquaredError{1.0f}, true);
    case Loss::half_squared_error:
      return apply(SquaredError{0.5f}, false);
    case Loss::mean_absolute_error:
      return apply(AbsoluteError{}, true);
    case Loss::huber:
      return apply(Huber{args.delta}, true);
    case Loss::binary_crossentropy:
      if (args.from_logits) return apply(BinaryLogits{args.label_smoothing}, true);
      return apply(BinaryCrossentropy{kLossEpsilon, kLossNearlyOne, args.label_smoothing}, true);
    case Loss::hinge:
      return apply(Hinge{}, true);
    case Loss::squared_hinge:
      return apply(SquaredHinge{}, true);
    case Loss::log_cosh:
      return apply(LogCosh{}, true);
    case Loss::poisson:
      return apply(Poisson{kLossEpsilon}, true);
    case Loss::kl_divergence:
      return apply(KlDivergence{kLossEpsilon}, false);
    case Loss::mean_absolute_percentage_error:
      return apply(AbsolutePercentageError{kLossEpsilon}, true);
    case Loss::mean_squared_logarithmic_error:
      return apply(SquaredLogarithmicError{kLossEpsilon}, true);
    case Loss::values:
      return apply(GivenLoss{}, true);
    default:
      return;  // the losses over classes have a kernel of their own
  }
}

}  // namespace
}  // namespace hotloop
