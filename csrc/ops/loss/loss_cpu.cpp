// Losses of one number a column. One column (regression, logistic regression, SVM) runs down the rows in
// vectors; more run along each row.
#include "cpu/simd/rows.h"
#include "math/loss.h"
#include "ops/loss/loss_kernels.h"

namespace hotloop {
namespace {

template <class Formula>
HOTLOOP_INLINE void one_column(Formula f, const LossArgs& args, Range part) {
  const F32 scale = splat(args.gradient_scale), one = splat(1.0f);
  each_vector(part.end - part.begin, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const std::int64_t at = part.begin + i;
    const F32 weight = args.weight != nullptr ? load_or(args.weight + at, count) : one;
    const LossPoint<F32> point = f(load_or(args.prediction + at, count), load_or(args.target + at, count));
    store_or(args.row_loss + at, point.loss * weight, count);
    if (args.gradient != nullptr) store_or(args.gradient + at, point.slope * (scale * weight), count);
    if (args.probability != nullptr) store_or(args.probability + at, point.probability, count);
  });
}

template <class Formula>
HOTLOOP_INLINE void one_row(Formula f, const LossArgs& args, std::int64_t r, float divisor) {
  const float weight = args.weight != nullptr ? args.weight[r] : 1.0f;
  const F32 scale = splat(args.gradient_scale * weight / divisor), zero = splat(0.0f);
  F32 total = zero;
  each_vector(args.cols, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const std::int64_t at = r * args.cols + i;
    const LossPoint<F32> point = f(load_or(args.prediction + at, count), load_or(args.target + at, count));
    total = total + keep_first(point.loss, count, zero);
    if (args.gradient != nullptr) store_or(args.gradient + at, point.slope * scale, count);
    if (args.probability != nullptr) store_or(args.probability + at, point.probability, count);
  });
  args.row_loss[r] = sum(total) / divisor * weight;
}

// mean: the row's loss is the mean over its columns, else their sum.
template <class Formula>
void rows(Formula f, const LossArgs& args, Range part, bool mean) {
  if (args.cols == 1) return one_column(f, args, part);
  const float divisor = mean ? static_cast<float>(args.cols) : 1.0f;
  for (std::int64_t r = part.begin; r < part.end; ++r) one_row(f, args, r, divisor);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void pointwise_loss_kernel(const LossArgs& args, Share share) {
  if (args.cols <= 0) return;
  const Range part = rows_of(share, args.rows, args.cols);
  switch (args.kind) {
    case Loss::mean_squared_error:
      return rows(SquaredError{1.0f}, args, part, true);
    case Loss::half_squared_error:
      return rows(SquaredError{0.5f}, args, part, false);
    case Loss::mean_absolute_error:
      return rows(AbsoluteError{}, args, part, true);
    case Loss::huber:
      return rows(Huber{args.delta}, args, part, true);
    case Loss::binary_crossentropy:
      if (args.from_logits) return rows(BinaryLogits{args.label_smoothing}, args, part, true);
      return rows(BinaryCrossentropy{kLossEpsilon, kLossNearlyOne, args.label_smoothing}, args, part, true);
    case Loss::hinge:
      return rows(Hinge{}, args, part, true);
    case Loss::squared_hinge:
      return rows(SquaredHinge{}, args, part, true);
    case Loss::log_cosh:
      return rows(LogCosh{}, args, part, true);
    case Loss::poisson:
      return rows(Poisson{kLossEpsilon}, args, part, true);
    case Loss::kl_divergence:
      return rows(KlDivergence{kLossEpsilon}, args, part, false);
    case Loss::mean_absolute_percentage_error:
      return rows(AbsolutePercentageError{kLossEpsilon}, args, part, true);
    case Loss::mean_squared_logarithmic_error:
      return rows(SquaredLogarithmicError{kLossEpsilon}, args, part, true);
    default:
      return;  // the losses over classes have a kernel of their own
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
