#include "cuda/device/columns.h"
#include "cuda/launch.h"

#include "ops/norm/batch_norm.h"
#include "ops/norm/batch_norm_rules.h"

namespace hotloop {
namespace {

static_assert(kRowsOfBlock == kRowBlock);
constexpr int kMostThreads = kMostHalfWarps * kLanes;

__device__ F32 one_or(const float* p, std::int64_t c, float otherwise) {
  return splat(p != nullptr ? p[c] : otherwise);
}

// The 16 columns of this block of threads.
struct Columns {
  const BatchNormArgs& args;
  std::int64_t c, count;

  __device__ explicit Columns(const BatchNormArgs& args)
      : args(args), c(static_cast<std::int64_t>(blockIdx.x) * kLanes), count(args.cols - c) {}
  __device__ std::int64_t at(std::int64_t r) const { return r * args.cols + c; }
  __device__ F32 row(const float* x, std::int64_t r) const { return load_or(x + at(r), count); }
  __device__ F32 of(const float* p, float otherwise = 0.0f) const {
    return p != nullptr ? load_or(p + c, count) : splat(otherwise);
  }
};

__global__ void __launch_bounds__(kMostThreads)
    statistics_kernel(BatchNormArgs args, const float* x, float* moving_mean, float* moving_variance,
                      float* mean, float* inverse) {
  __shared__ float partial[kMostHalfWarps][1][kLanes];
  const Columns columns(args);
  const auto mean_of = [&](const auto& row, const auto& add) {
    F32 sums[1] = {splat(0.0f)};
    sum_row_blocks<1>(args.rows, sums, partial, row, [&](F32 v, F32(&s)[1]) { s[0] = add(s[0], v); });
    return sums[0] / splat(static_cast<float>(args.rows));
  };
  const auto add = [](F32 sum, F32 v) { return sum + v; };
  const auto row = [&](std::int64_t r) { return columns.row(x, r); };
  const F32 center = mean_of(row, add);
  const F32 variance = mean_of(row, [&](F32 sum, F32 v) { return add_square(sum, v, center); });
  Moments m(center, variance, args.epsilon);
  if (!all_fit(variance)) {  // which all threads of the block say alike
    const auto small = [&](std::int64_t r) { return columns.row(x, r) * splat(kShrink); };
    const F32 middle = mean_of(small, add);
    const F32 spread = mean_of(small, [&](F32 sum, F32 v) { return add_square(sum, v, middle); });
    m = with_shrunk(m, middle, spread, args.epsilon);
  }
  if (threadIdx.x >= kLanes) return;
  const std::int64_t c = columns.c, count = columns.count;
  store_or(mean + c, m.center, count);
  store_or(inverse + c, m.inverse, count);
  store_or(moving_mean + c, moved(columns.of(moving_mean), m.center, args.momentum), count);
  store_or(moving_variance + c, moved(columns.of(moving_variance), m.variance, args.momentum), count);
}

struct Pair {
  F32 x, dy;
};
struct Three {
  F32 x, dy, dx;
};

// The gradients of beta and gamma, which all threads of the block have afterwards; where the input's depends
// on them, it too.
template <bool kInput>
__global__ void __launch_bounds__(kMostThreads)
    gradients_kernel(BatchNormArgs args, const float* x, const float* dy, const float* mean,
                     const float* inverse_or_variance, BatchNormGradients out) {
  __shared__ float partial[kMostHalfWarps][2][kLanes];
  const Columns columns(args);
  const F32 center = columns.of(mean), given = columns.of(inverse_or_variance);
  const F32 inverse = kInput ? given : inverse_of(given, args.epsilon);
  F32 total[2] = {splat(0.0f), splat(0.0f)};
  sum_row_blocks<2>(
      args.rows, total, partial, [&](std::int64_t r) { return Pair{columns.row(x, r), columns.row(dy, r)}; },
      [&](Pair row, F32(&sums)[2]) {
        sums[0] = sums[0] + row.dy;
        sums[1] = add_product(sums[1], row.dy, row.x, center);
      });
  total[1] = total[1] * inverse;
  const std::int64_t c = columns.c, count = columns.count;
  const int half_warp = static_cast<int>(threadIdx.x) / kLanes;
  if (half_warp == 0) {
    float* const to[2] = {out.dbeta, out.dgamma};
    const bool accumulate[2] = {out.accumulate_beta, out.accumulate_gamma};
#pragma unroll
    for (int i = 0; i < 2; ++i)
      if (to[i] != nullptr)
        store_or(to[i] + c, accumulate[i] ? load_or(to[i] + c, count) + total[i] : total[i], count);
  }
  if (!kInput || out.dx == nullptr) return;

  const InputGradient gradient(center, inverse, columns.of(args.gamma, 1.0f), total[0], total[1], args.rows);
  constexpr int kAhead = 8;
  const int half_warps = static_cast<int>(blockDim.x) / kLanes;
  for (std::int64_t first = half_warp; first < args.rows; first += kAhead * half_warps) {
    Three ahead[kAhead] = {};
#pragma unroll
    for (int j = 0; j < kAhead; ++j) {
      const std::int64_t r = first + j * half_warps;
      if (r >= args.rows) continue;
      ahead[j] = {columns.row(x, r), columns.row(dy, r), splat(0.0f)};
      if (out.accumulate) ahead[j].dx = columns.row(out.dx, r);
    }
#pragma unroll
    for (int j = 0; j < kAhead; ++j) {
      const std::int64_t r = first + j * half_warps;
      if (r >= args.rows) continue;
      const F32 value = gradient.of(ahead[j].x, ahead[j].dy);
      store_or(out.dx + columns.at(r), out.accumulate ? ahead[j].dx + value : value, count);
    }
  }
}

// Element by element: a thread has one column, and eight rows of it on the way.
constexpr int kColumnsOfBlock = 32, kThreads = 256, kRowsApart = kThreads / kColumnsOfBlock, kRowsEach = 8;
template <class F>
__global__ void __launch_bounds__(kThreads) rows_kernel(F each, std::int64_t rows, std::int64_t cols) {
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * kColumnsOfBlock + thread % kColumnsOfBlock;
  if (c >= cols) return;
  const auto column = each.column(c);
  constexpr int kTile = kRowsApart * kRowsEach;
  for (std::int64_t tile = blockIdx.y; tile * kTile < rows; tile += gridDim.y) {
    const std::int64_t first = tile * kTile + thread / kColumnsOfBlock;
    decltype(each.load(c)) loaded[kRowsEach] = {};
#pragma unroll
    for (int j = 0; j < kRowsEach; ++j)
      if (const std::int64_t r = first + j * kRowsApart; r < rows) loaded[j] = each.load(r * cols + c);
#pragma unroll
    for (int j = 0; j < kRowsEach; ++j)
      if (const std::int64_t r = first + j * kRowsApart; r < rows)
        each.store(r * cols + c, loaded[j], column);
  }
}

template <class F>
void launch_rows(const F& each, const BatchNormArgs& args) {
  const std::int64_t tiles = cuda::divide_up(args.rows, kRowsApart * kRowsEach);
  const dim3 grid(static_cast<unsigned>(cuda::divide_up(args.cols, kColumnsOfBlock)),
                  static_cast<unsigned>(tiles < 65535 ? tiles : 65535));
  cuda::launch("batch normalisation", rows_kernel<F>, {grid, dim3(kThreads)}, each, args.rows, args.cols);
}

// spread: the inverse, or (moving) a variance.
struct Normalize {
  const float *x, *mean, *spread, *gamma, *beta;
  float epsilon;
  bool moving;
  float* y;
  struct Column {
    F32 mean, factor, beta;
  };
  __device__ Column column(std::int64_t c) const {
    const F32 inverse = moving ? inverse_of({spread[c]}, epsilon) : F32{spread[c]};
    return {{mean[c]}, inverse * one_or(gamma, c, 1.0f), one_or(beta, c, 0.0f)};
  }
  __device__ float load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, float value, const Column& column) const {
    y[i] = normalized({value}, column.mean, column.factor, column.beta).lane;
  }
};

// dx of constant statistics.
struct Scale {
  const float *dy, *variance, *gamma;
  float epsilon;
  float* dx;
  bool accumulate;
  struct Loaded {
    float dy, dx;
  };
  __device__ F32 column(std::int64_t c) const {
    return inverse_of({variance[c]}, epsilon) * one_or(gamma, c, 1.0f);
  }
  __device__ Loaded load(std::int64_t i) const { return {dy[i], accumulate ? dx[i] : 0.0f}; }
  __device__ void store(std::int64_t i, Loaded loaded, F32 factor) const {
    const F32 value = factor * F32{loaded.dy};
    dx[i] = (accumulate ? F32{loaded.dx} + value : value).lane;
  }
};

dim3 blocks_of(const BatchNormArgs& args) {
  return dim3(static_cast<unsigned>(cuda::divide_up(args.cols, kLanes)));
}

}  // namespace

namespace cuda {

void batch_norm_train_kernel(const BatchNormArgs& args, const float* x, float* y, float* moving_mean,
                             float* moving_variance, float* mean, float* inverse, Share) {
  if (args.rows == 0) return;
  launch("batch normalisation", statistics_kernel, {blocks_of(args), dim3(column_threads(args.rows))}, args,
         x, moving_mean, moving_variance, mean, inverse);
  launch_rows(Normalize{x, mean, inverse, args.gamma, args.beta, args.epsilon, false, y}, args);
}

void batch_norm_infer_kernel(const BatchNormArgs& args, const float* x, const float* moving_mean,
                             const float* moving_variance, float* y, Share) {
  launch_rows(Normalize{x, moving_mean, moving_variance, args.gamma, args.beta, args.epsilon, true, y}, args);
}

void batch_norm_train_backward_kernel(const BatchNormArgs& args, const float* x, const float* dy,
                                      const float* mean, const float* inverse,
                                      const BatchNormGradients& gradients, Share) {
  // More threads than there are sums, for dx: a half warp for every eight rows.
  const std::int64_t wanted = round_up(args.rows * 2, 32);
  const auto most = static_cast<std::int64_t>(kMostThreads);
  const auto threads = static_cast<unsigned>(wanted < 32 ? 32 : wanted < most ? wanted : most);
  launch("batch normalisation backward", gradients_kernel<true>, {blocks_of(args), dim3(threads)}, args, x,
         dy, mean, inverse, gradients);
}

void batch_norm_infer_backward_kernel(const BatchNormArgs& args, const float* x, const float* dy,
                                      const float* moving_mean, const float* moving_variance,
                                      const BatchNormGradients& gradients, Share) {
  if (gradients.dgamma != nullptr || gradients.dbeta != nullptr)
    launch("batch normalisation backward", gradients_kernel<false>,
           {blocks_of(args), dim3(column_threads(args.rows))}, args, x, dy, moving_mean, moving_variance,
           gradients);
  if (gradients.dx != nullptr)
    launch_rows(Scale{dy, moving_variance, args.gamma, args.epsilon, gradients.dx, gradients.accumulate},
                args);
}

}  // namespace cuda
}  // namespace hotloop
