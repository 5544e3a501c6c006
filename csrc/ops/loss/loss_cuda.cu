// Losses of one number a column: a thread for each row of one column, a half warp for a short row, and long
// rows staged, for their sums alone.
#include "cuda/device/rows.h"
#include "cuda/launch_rows.h"

#include "ops/loss/loss_kernels.h"
#include "ops/loss/loss_rows.h"

namespace hotloop {
namespace {

template <class Formula>
struct OneColumn {
  struct Loaded {
    F32 prediction, target, weight;
  };
  Formula f;
  LossArgs args;
  __device__ Loaded load(std::int64_t i) const {
    return {{args.prediction[i]}, {args.target[i]}, {args.weight != nullptr ? args.weight[i] : 1.0f}};
  }
  __device__ void store(std::int64_t i, Loaded row) const {
    const LossPoint<F32> point = f(row.prediction, row.target);
    args.row_loss[i] = (point.loss * row.weight).lane;
    const F32 scale = splat(args.gradient_scale) * row.weight;
    if (args.gradient != nullptr) args.gradient[i] = (point.slope * scale).lane;
    if (args.probability != nullptr) args.probability[i] = point.probability.lane;
  }
};

template <class Formula>
struct OneRow {
  Formula f;
  LossArgs args;
  float divisor;
  __device__ void operator()(std::int64_t r) const { one_row(f, args, r, divisor); }
};

// Stages: the predictions, whose place their losses take, and the targets.
template <class Formula, int kWide>
__global__ void __launch_bounds__(1024, 1)
    staged_loss(Formula f, StagedRows rows, LossArgs args, float divisor) {
  const Team team = this_team(rows);
  const std::int64_t at = team.row * rows.cols;
  float* const predictions = stage_of(rows, 0, team.number);
  float* const targets = stage_of(rows, 1, team.number);
  stage_row<kWide>(rows, team, args.prediction + at, predictions);
  stage_row<kWide>(rows, team, args.target + at, targets);
  const float weight = args.weight != nullptr && team.cols > 0 ? args.weight[team.row] : 1.0f;
  const F32 scale = splat(row_gradient_scale(args, weight, divisor));
  staged();
  F32 part = splat(0.0f);
  make_and_add<kWide, 8>(
      rows, team,
      [&](int i) {
        const Floats<kWide> p = load_floats<kWide>(predictions + i), y = load_floats<kWide>(targets + i);
        Floats<kWide> loss, slope, probability;
#pragma unroll
        for (int k = 0; k < kWide; ++k) {
          const LossPoint<F32> point = f(splat(p.at[k]), splat(y.at[k]));
          loss.at[k] = point.loss.lane;
          slope.at[k] = (point.slope * scale).lane;
          probability.at[k] = point.probability.lane;
        }
        store_staged(predictions + i, loss);
        if (args.gradient != nullptr) store_floats(args.gradient + at + i, slope);
        if (args.probability != nullptr) store_floats(args.probability + at + i, probability);
      },
      [&](int of, int i) { return load(stage_of(rows, 0, of) + i); }, [&](F32 loss) { part = part + loss; });
  finish_sums(rows, [&](int of) { team_note(0, of) = sum(part); });
  if (team.cols > 0 && team.rank == 0)
    args.row_loss[team.row] = row_loss(team_note(0, team.number), weight, divisor);
}

}  // namespace

namespace cuda {

void pointwise_loss_kernel(const LossArgs& args, Share) {
  if (args.cols <= 0) return;
  with_loss(args, [&](auto f, bool mean) {
    using F = decltype(f);
    const char* const op = loss_name(args.kind);
    if (args.cols == 1) return launch_elements(op, args.rows, OneColumn<F>{f, args});
    const float divisor = mean ? static_cast<float>(args.cols) : 1.0f;
    const StagedPlan plan =
        plan_staged(args.rows, args.cols, 2, args.prediction, args.target, args.gradient, args.probability);
    if (!plan) return launch_rows(op, args.rows, OneRow<F>{f, args, divisor});
    launch(op, plan.wide ? staged_loss<F, 4> : staged_loss<F, 1>, plan.grid, f, plan.rows, args, divisor);
  });
}

}  // namespace cuda
}  // namespace hotloop
