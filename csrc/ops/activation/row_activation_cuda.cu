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

// f of each of some neighbours.
template <int kWide, class F>
HOTLOOP_INLINE Floats<kWide> each_of(F f) {
  Floats<kWide> result;
#pragma unroll
  for (int k = 0; k < kWide; ++k) result.at[k] = f(k).lane;
  return result;
}

// Softmax keeps exponentials in the place of x; log_softmax keeps both.
template <bool kLog, int kWide>
__global__ void __launch_bounds__(1024) staged_forward(StagedRows rows, const float* x, float* y) {
  const Team team = this_team(rows);
  const std::int64_t at = team.row * rows.cols;
  float* const kept = stage_of(rows, 0, team.number);
  float* const exponentials = stage_of(rows, kLog ? 1 : 0, team.number);
  const float most = stage_row<kWide>(rows, team, x + at, kept);
  const F32 highest = splat(team_largest(team, most));
  team_stream<kWide>(
      team, [&](int i) { return load_floats<kWide>(kept + i); },
      [&](int i, const Floats<kWide>& v) {
        store_floats(exponentials + i, each_of<kWide>([&](int k) { return exp(splat(v.at[k]) - highest); }));
      });
  if constexpr (kLog) zero_tail(rows, team, exponentials);
  add_by_half_warps(rows,
                    [&](int of) { team_note(0, of) = staged_sum(rows, stage_of(rows, kLog ? 1 : 0, of)); });
  const F32 total = splat(team_note(0, team.number));
  const F32 last = kLog ? log(total) : splat(1.0f) / total;
  team_stream<kWide>(
      team, [&](int i) { return load_floats<kWide>(kept + i); },
      [&](int i, const Floats<kWide>& v) {
        store_floats(y + at + i, each_of<kWide>([&](int k) {
                       return kLog ? (splat(v.at[k]) - highest) - last : splat(v.at[k]) * last;
                     }));
      });
}

// The last pass of a gradient: dx from y, dy and what the row was summed to.
template <int kWide>
struct Pair {
  Floats<kWide> y, before;
};
template <int kWide, class Load, class Slope>
HOTLOOP_INLINE void write_gradient(const Team& team, float* dx, bool accumulate, Load load_y, Slope slope) {
  team_stream<kWide>(
      team,
      [&](int i) {
        Pair<kWide> pair{load_y(i), {}};
        if (accumulate) pair.before = load_floats<kWide>(dx + i);
        return pair;
      },
      [&](int i, const Pair<kWide>& pair) {
        store_floats(dx + i, each_of<kWide>([&](int k) {
                       const F32 gradient = slope(i + k, splat(pair.y.at[k]));
                       return accumulate ? splat(pair.before.at[k]) + gradient : gradient;
                     }));
      });
}

template <int kWide>
__global__ void __launch_bounds__(1024)
    staged_softmax_gradient(StagedRows rows, const float* y, const float* dy, float* dx, bool accumulate) {
  const Team team = this_team(rows);
  const std::int64_t at = team.row * rows.cols;
  float* const outputs = stage_of(rows, 0, team.number);
  float* const gradients = stage_of(rows, 1, team.number);
  stage_row<kWide>(rows, team, y + at, outputs);
  stage_row<kWide>(rows, team, dy + at, gradients);
  add_by_half_warps(rows, [&](int of) {
    const float *p = stage_of(rows, 0, of), *g = stage_of(rows, 1, of);
    struct Both {
      F32 y, dy;
    };
    F32 products = splat(0.0f);
    each_staged<4>(
        rows, [&](int i) { return Both{load(p + i), load(g + i)}; },
        [&](Both b) { products = fma(b.y, b.dy, products); });
    team_note(0, of) = sum(products);
  });
  const F32 mean = splat(team_note(0, team.number));
  write_gradient<kWide>(
      team, dx + at, accumulate, [&](int i) { return load_floats<kWide>(outputs + i); },
      [&](int i, F32 p) { return p * (splat(gradients[i]) - mean); });
}

template <int kWide>
__global__ void __launch_bounds__(1024)
    staged_log_softmax_gradient(StagedRows rows, const float* y, const float* dy, float* dx,
                                bool accumulate) {
  const Team team = this_team(rows);
  const std::int64_t at = team.row * rows.cols;
  float* const gradients = stage_of(rows, 0, team.number);
  stage_row<kWide>(rows, team, dy + at, gradients);
  add_by_half_warps(rows, [&](int of) { team_note(0, of) = staged_sum(rows, stage_of(rows, 0, of)); });
  const F32 all = splat(team_note(0, team.number));
  write_gradient<kWide>(
      team, dx + at, accumulate, [&](int i) { return load_floats<kWide>(y + at + i); },
      [&](int i, F32 logarithm) { return fnma(exp(logarithm), all, splat(gradients[i])); });
}

}  // namespace

namespace cuda {
namespace {

template <Activation kKind>
void forward(const char* op, const float* x, float* y, std::int64_t rows, std::int64_t cols) {
  launch_rows(op, rows, ForwardRow<kKind>{x, y, cols});
}
template <bool kLog>
bool forward_staged(const char* op, const float* x, float* y, std::int64_t rows, std::int64_t cols) {
  const StagedPlan plan = plan_staged(rows, cols, kLog ? 2 : 1, x, y);
  if (plan)
    launch(op, plan.wide ? staged_forward<kLog, 4> : staged_forward<kLog, 1>, plan.grid, plan.rows, x, y);
  return static_cast<bool>(plan);
}

}  // namespace

void row_activation_forward_kernel(Activation kind, const float* x, float* y, std::int64_t rows,
                                   std::int64_t cols, Share) {
  if (cols <= 0) return;
  switch (kind) {
    case Activation::softmax:
      if (!forward_staged<false>("softmax", x, y, rows, cols))
        forward<Activation::softmax>("softmax", x, y, rows, cols);
      return;
    case Activation::log_softmax:
      if (!forward_staged<true>("log_softmax", x, y, rows, cols))
        forward<Activation::log_softmax>("log_softmax", x, y, rows, cols);
      return;
    case Activation::sparsemax:
      return forward<Activation::sparsemax>("sparsemax", x, y, rows, cols);
    default:
      return forward<Activation::glu>("glu", x, y, rows, cols);
  }
}

void row_activation_backward_kernel(Activation kind, const float* x, const float* y, const float* dy,
                                    float* dx, bool accumulate, std::int64_t rows, std::int64_t cols, Share) {
  if (cols <= 0) return;
  const auto plain = [=]<Activation kKind>(const char* op) {
    launch_rows(op, rows, BackwardRow<kKind>{x, y, dy, dx, accumulate, cols});
  };
  if (kind == Activation::softmax) {
    const StagedPlan plan = plan_staged(rows, cols, 2, y, dy, dx);
    if (!plan) return plain.operator()<Activation::softmax>("softmax gradient");
    launch("softmax gradient", plan.wide ? staged_softmax_gradient<4> : staged_softmax_gradient<1>, plan.grid,
           plan.rows, y, dy, dx, accumulate);
  } else if (kind == Activation::log_softmax) {
    const StagedPlan plan = plan_staged(rows, cols, 1, y, dy, dx);
    if (!plan) return plain.operator()<Activation::log_softmax>("log_softmax gradient");
    launch("log_softmax gradient",
           plan.wide ? staged_log_softmax_gradient<4> : staged_log_softmax_gradient<1>, plan.grid, plan.rows,
           y, dy, dx, accumulate);
  } else if (kind == Activation::sparsemax) {
    plain.operator()<Activation::sparsemax>("sparsemax gradient");
  } else {
    plain.operator()<Activation::glu>("glu gradient");
  }
}

}  // namespace cuda
}  // namespace hotloop
