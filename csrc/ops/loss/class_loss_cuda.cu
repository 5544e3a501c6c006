// Losses over classes: a half warp walks each row as a CPU's thread does, but for long rows of logits, which
// are staged.
#include "cuda/device/rows.h"
#include "cuda/launch_rows.h"

#include "ops/loss/class_loss_rows.h"
#include "ops/loss/loss_kernels.h"

namespace hotloop {
namespace {

// By a half warp: the loss of a row that has been summed.
HOTLOOP_INLINE void write_loss(const LossArgs& args, std::int64_t r, const ClassRow& row) {
  const F32 loss = class_loss(splat(row.inner), splat(row.factor), splat(row.rest));
  const F32 weight = splat(args.weight != nullptr ? args.weight[r] : 1.0f);
  if (lane_index() == 0) args.row_loss[r] = (loss * weight).lane;
}

template <class Row>
struct WholeRow {
  Row row;
  LossArgs args;
  __device__ void operator()(std::int64_t r) const { write_loss(args, r, row(args, r)); }
};

// What a team's threads note for the half warp that adds, and it for them.
enum Note { kHighest, kInner, kFactor };

template <int kWide>
HOTLOOP_INLINE void take_exponentials(const float* x, F32 highest, float* exponentials) {
  const Floats<kWide> v = load_floats<kWide>(x);
  store_staged(exponentials, each_of<kWide>([&](int k) { return exp(splat(v.at[k]) - highest); }));
}

// The last pass: probabilities and gradients from exponentials. target(i): as it enters the loss.
template <int kWide, class Target>
HOTLOOP_INLINE void write_outputs(const LossArgs& args, const Team& team, const float* exponentials,
                                  Target target) {
  if (team.cols == 0 || (args.gradient == nullptr && args.probability == nullptr)) return;
  const std::int64_t at = team.row * args.cols;
  const F32 part = splat(1.0f) / splat(team_note(kInner, team.number));
  const F32 whole = splat(team_note(kFactor, team.number)), weight = splat(row_scale(args, team.row));
  team_each<kWide>(team, [&](int i) {
    const Floats<kWide> e = load_floats<kWide>(exponentials + i);
    const Floats<kWide> p = each_of<kWide>([&](int k) { return splat(e.at[k]) * part; });
    if (args.probability != nullptr) store_floats(args.probability + at + i, p);
    if (args.gradient != nullptr)
      store_floats(args.gradient + at + i, each_of<kWide>([&](int k) {
                     return logits_slope(splat(p.at[k]), whole, target(i + k), weight);
                   }));
  });
}

// Exponentials take the logits' place.
template <int kWide>
__global__ void __launch_bounds__(1024) staged_sparse_logits(StagedRows rows, LossArgs args) {
  const Team team = this_team(rows);
  float* const stage = stage_of(rows, 0, team.number);
  stage_row<kWide>(rows, team, args.prediction + team.row * args.cols, stage);
  const int label = team.cols > 0 ? args.sparse_target[team.row] : 0;
  staged();
  const float highest = team_largest(team, share_largest<kWide>(team, stage));
  if (team.rank == 0) {
    team_note(kHighest, team.number) = highest;
    team_note(kFactor, team.number) = 1.0f;
  }
  F32 total = splat(0.0f);
  make_and_add<kWide, 8>(
      rows, team, [&](int i) { take_exponentials<kWide>(stage + i, splat(highest), stage + i); },
      [&](int of, int i) { return load(stage_of(rows, 0, of) + i); }, [&](F32 e) { total = total + e; });
  finish_sums(rows, [&](int of) {
    const float inner = sum(total);
    team_note(kInner, of) = inner;
    const std::int64_t r = row_of(rows, of);
    if (r >= rows.rows) return;
    const float own = args.prediction[r * args.cols + args.sparse_target[r]];
    write_loss(args, r, {inner, 1.0f, -own + team_note(kHighest, of)});
  });
  write_outputs<kWide>(args, team, stage, [&](int i) { return splat(i == label ? 1.0f : 0.0f); });
}

// Stages: the logits, their exponentials, and the targets as they enter the loss.
template <int kWide>
__global__ void __launch_bounds__(1024) staged_dense_logits(StagedRows rows, LossArgs args) {
  const Team team = this_team(rows);
  float* const logits = stage_of(rows, 0, team.number);
  float* const exponentials = stage_of(rows, 1, team.number);
  float* const targets = stage_of(rows, 2, team.number);
  const Dense dense = dense_targets(args, team.row);
  stage_row<kWide>(rows, team, args.prediction + team.row * args.cols, logits);
  stage_row<kWide>(rows, team, dense.y, targets);
  zero_tail(rows, team, exponentials);
  staged();
  const float highest = team_largest(team, share_largest<kWide>(team, logits));
  if (team.rank == 0) team_note(kHighest, team.number) = highest;
  struct Three {
    F32 shifted, e, y;
  };
  F32 total = splat(0.0f), mass = total, products = total;
  make_and_add<kWide, 4>(
      rows, team,
      [&](int i) {
        take_exponentials<kWide>(logits + i, splat(highest), exponentials + i);
        const Floats<kWide> y = load_floats<kWide>(targets + i);
        store_staged(targets + i, each_of<kWide>([&](int k) { return dense.of(splat(y.at[k])); }));
      },
      [&](int of, int i) {
        return Three{load(stage_of(rows, 0, of) + i) - splat(team_note(kHighest, of)),
                     load(stage_of(rows, 1, of) + i), load(stage_of(rows, 2, of) + i)};
      },
      [&](const Three& at) {
        total = total + at.e;
        mass = mass + at.y;
        products = fma(at.y, at.shifted, products);
      });
  finish_sums(rows, [&](int of) {
    const float inner = sum(total), factor = sum(mass);
    team_note(kInner, of) = inner;
    team_note(kFactor, of) = factor;
    const std::int64_t r = row_of(rows, of);
    if (r < rows.rows) write_loss(args, r, {inner, factor, -sum(products)});
  });
  write_outputs<kWide>(args, team, exponentials, [&](int i) { return splat(targets[i]); });
}

}  // namespace

namespace cuda {

void class_loss_kernel(const LossArgs& args, Share) {
  if (args.cols <= 0) return;
  const char* const op = loss_name(args.kind);
  const bool sparse = args.kind == Loss::sparse_categorical_crossentropy;
  if (args.from_logits && args.kind != Loss::categorical_hinge) {
    const StagedPlan plan = plan_staged(args.rows, args.cols, sparse ? 1 : 3, args.prediction, args.target,
                                        args.gradient, args.probability);
    const auto run = [&](auto wide, auto narrow) {
      launch(op, plan.wide ? wide : narrow, plan.grid, plan.rows, args);
    };
    if (plan && sparse) return run(staged_sparse_logits<4>, staged_sparse_logits<1>);
    if (plan) return run(staged_dense_logits<4>, staged_dense_logits<1>);
  }
  with_class_row(args, [&](auto row) { launch_rows(op, args.rows, WholeRow<decltype(row)>{row, args}); });
}

}  // namespace cuda
}  // namespace hotloop
