// Losses of one number a column. One column (regression, logistic regression, SVM) runs down the rows in
// vectors; more run along each row.
#include "cpu/simd/rows.h"

#include "ops/loss/loss_kernels.h"
#include "ops/loss/loss_rows.h"

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
  with_loss(args, [&](auto formula, bool mean) { rows(formula, args, part, mean); });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
