// Activations along a row: a half warp walks each row as a CPU's thread does, but for long rows of softmax
// and log_softmax, which are staged.
#include "cuda/device/rows.h"
#include "cuda/launch_rows.h"

#include "ops/activation/activation_kernels.h"
#include "ops/activation/row_activation_rows.h"

namespace hotloop {
namespace {

template <Activation kKind>
struct ForwardRow {
  const float* x;
  float* y;
  std::int64_t cols;
  __device__ void operator()(std::int64_t r) const { row_forward(kKind, x, y, r, cols); }
};

template <Activation kKind>
struct BackwardRow {
  const float *x, *y, *dy;
  float* dx;
  bool accumulate;
  std::int64_t cols;
  __device__ void operator()(std::int64_t r) const { row_backward(kKind, x, y, dy, dx, accumulate, r, cols); }
};

// Softmax keeps exponentials in the place of x; log_softmax keeps both.
template <bool kLog, int kWide>
__global__ void __launch_bounds__(1024) staged_forward(StagedRows rows, const float* x, float* y) {
  const Team team = this_team(rows);
  const std::int64_t at = team.row * rows.cols;
  float* const kept = stage_of(rows, 0, team.number);
  float* const exponentials = stage_of(rows, kLog ? 1 : 0, team.number);
  stage_row<kWide>(rows, team, x + at, kept);
  if constexpr (kLog) zero_tail(rows, team, exponentials);
  staged();
  const F32 highest = splat(team_largest(team, share_largest<kWide>(team, kept)));
  F32 part = splat(0.0f);
  make_and_add<kWide, 8>(
      rows, team,
      [&](int i) {
        const Floats<kWide> v = load_floats<kWide>(kept + i);
        store_staged(exponentials + i, each_of<kWide>([&](int k) { return exp(splat(v.at[k]) - highest); }));
      },
      [&](int of, int i) { return load(stage_of(rows, kLog ? 1 : 0, of) + i); },
      [&](F32 e) { part = part + e; });
  finish_sums(rows, [&](int of) { team_note(0, of) = sum(part); });
  const F32 total = splat(team_note(0, team.number));
  const F32 last = kLog ? log(total) : splat(1.0f) / total;
  team_each<kWide>(team, [&](int i) {
    const Floats<kWide> v = load_floats<kWide>(kept + i);
    store_floats(y + at + i, each_of<kWide>([&](int k) {
                   return kLog ? (splat(v.at[k]) - highest) - last : splat(v.at[k]) * last;
                 }));
  });
}

// Stages: the outputs and their gradients.
template <bool kLog, int kWide>
__global__ void __launch_bounds__(1024)
    staged_backward(StagedRows rows, const float* y, const float* dy, float* dx, bool accumulate) {
  const Team team = this_team(rows);
  const std::int64_t at = team.row * rows.cols;
  float* const outputs = stage_of(rows, 0, team.number);
  float* const gradients = stage_of(rows, 1, team.number);
  stage_row<kWide>(rows, team, y + at, outputs);
  stage_row<kWide>(rows, team, dy + at, gradients);
  staged();
  F32 part = splat(0.0f);
  struct Both {
    F32 y, dy;
  };
  make_and_add<kWide, 4>(
      rows, team, [](int) {},
      [&](int of, int i) {
        return Both{kLog ? F32{} : load(stage_of(rows, 0, of) + i), load(stage_of(rows, 1, of) + i)};
      },
      [&](Both b) { part = kLog ? part + b.dy : fma(b.y, b.dy, part); });
  finish_sums(rows, [&](int of) { team_note(0, of) = sum(part); });
  const F32 all = splat(team_note(0, team.number));
  team_each<kWide>(team, [&](int i) {
    const Floats<kWide> p = load_floats<kWide>(outputs + i), g = load_floats<kWide>(gradients + i);
    Floats<kWide> before = {};
    if (accumulate) before = load_floats<kWide>(dx + at + i);
    store_floats(dx + at + i, each_of<kWide>([&](int k) {
                   const F32 output = splat(p.at[k]), dy_k = splat(g.at[k]);
                   const F32 gradient =
                       kLog ? log_softmax_slope(output, dy_k, all) : softmax_slope(output, dy_k, all);
                   return accumulate ? splat(before.at[k]) + gradient : gradient;
                 }));
  });
}

}  // namespace

namespace cuda {
namespace {

constexpr const char* kOps[] = {"softmax", "log_softmax", "sparsemax", "glu"};
constexpr const char* kGradients[] = {"softmax gradient", "log_softmax gradient", "sparsemax gradient",
                                      "glu gradient"};

template <Activation kKind>
void forward(const float* x, float* y, std::int64_t rows, std::int64_t cols) {
  const char* const op = kOps[static_cast<int>(kKind) - static_cast<int>(Activation::softmax)];
  if constexpr (kKind == Activation::softmax || kKind == Activation::log_softmax) {
    constexpr bool kLog = kKind == Activation::log_softmax;
    const StagedPlan plan = plan_staged(rows, cols, kLog ? 2 : 1, x, y);
    const auto kernel = plan.wide ? staged_forward<kLog, 4> : staged_forward<kLog, 1>;
    if (plan) return launch(op, kernel, plan.grid, plan.rows, x, y);
  }
  launch_rows(op, rows, ForwardRow<kKind>{x, y, cols});
}

template <Activation kKind>
void backward(const float* x, const float* y, const float* dy, float* dx, bool accumulate, std::int64_t rows,
              std::int64_t cols) {
  const char* const op = kGradients[static_cast<int>(kKind) - static_cast<int>(Activation::softmax)];
  if constexpr (kKind == Activation::softmax || kKind == Activation::log_softmax) {
    constexpr bool kLog = kKind == Activation::log_softmax;
    const StagedPlan plan = plan_staged(rows, cols, 2, y, dy, dx);
    const auto kernel = plan.wide ? staged_backward<kLog, 4> : staged_backward<kLog, 1>;
    if (plan) return launch(op, kernel, plan.grid, plan.rows, y, dy, dx, accumulate);
  }
  launch_rows(op, rows, BackwardRow<kKind>{x, y, dy, dx, accumulate, cols});
}

}  // namespace

void row_activation_forward_kernel(Activation kind, const float* x, float* y, std::int64_t rows,
                                   std::int64_t cols, Share) {
  if (cols <= 0) return;
  switch (kind) {
    case Activation::softmax:
      return forward<Activation::softmax>(x, y, rows, cols);
    case Activation::log_softmax:
      return forward<Activation::log_softmax>(x, y, rows, cols);
    case Activation::sparsemax:
      return forward<Activation::sparsemax>(x, y, rows, cols);
    default:
      return forward<Activation::glu>(x, y, rows, cols);
  }
}

void row_activation_backward_kernel(Activation kind, const float* x, const float* y, const float* dy,
                                    float* dx, bool accumulate, std::int64_t rows, std::int64_t cols, Share) {
  if (cols <= 0) return;
  switch (kind) {
    case Activation::softmax:
      return backward<Activation::softmax>(x, y, dy, dx, accumulate, rows, cols);
    case Activation::log_softmax:
      return backward<Activation::log_softmax>(x, y, dy, dx, accumulate, rows, cols);
    case Activation::sparsemax:
      return backward<Activation::sparsemax>(x, y, dy, dx, accumulate, rows, cols);
    default:
      return backward<Activation::glu>(x, y, dy, dx, accumulate, rows, cols);
  }
}

}  // namespace cuda
}  // namespace hotloop
