#include "cuda/launch.h"
#include "ops/optimizer/optimizer_kernels.h"
#include "ops/optimizer/optimizer_step.cuh"

namespace hotloop {
namespace {

// Rows by y, tiles of a row by x.
template <class Rule>
__global__ void __launch_bounds__(kStepThreads, kStepBlocks)
    step_kernel(OptimizerScalars scalars, OptimizerBlock b) {
  const Splat s = splat_all(scalars);
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kStepTile;
  for (std::int64_t row = blockIdx.y; row < b.rows; row += gridDim.y) {
    const std::int64_t at = row * b.row + begin;
    StepPlace place{b.w + at, b.g + row * b.g_row + begin, {}};
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) place.slots[k] = b.slots[k] + at;
    step_tile<Rule>(s, scalars.decay != 0.0f, place, b.cols - begin);
  }
}

// 64 threads a block of numbers: a half warp for each chain, its threads the chain's lanes.
constexpr int kSumThreads = kSumChains * kLanes, kSumsAtOnce = 4;

template <class Term>
__global__ void __launch_bounds__(kSumThreads* kSumsAtOnce)
    sum_blocks_kernel(const float* x, std::int64_t n, float* partial) {
  __shared__ float folded[kSumsAtOnce][kSumChains][kLanes];
  const int which = static_cast<int>(threadIdx.x) / kSumThreads;
  const int column = static_cast<int>(threadIdx.x) % kSumThreads, chain = column / kLanes;
  const std::int64_t block = static_cast<std::int64_t>(blockIdx.x) * kSumsAtOnce + which;
  const float* const mine = x + block * kSumBlock + column;
  const std::int64_t left = n - block * kSumBlock - column;
  F32 total = splat(0.0f);
  if (left > kSumBlock - kSumThreads) {
#pragma unroll 16
    for (int i = 0; i < kSumBlock; i += kSumThreads) total = Term::add(total, {mine[i]});
  } else {
    for (int i = 0; i < left; i += kSumThreads) total = Term::add(total, {mine[i]});
  }
  folded[which][chain][lane_index()] = total.lane;
  __syncthreads();
  if (chain != 0 || block * kSumBlock >= n) return;
  const auto lanes = [&](int k) { return load(folded[which][k]); };
  const std::int64_t rest = n - block * kSumBlock;
  float result = sum((lanes(0) + lanes(1)) + (lanes(2) + lanes(3)));
  if (!fits(result))
    result = -sum_chains<Shrunk<Term>>(x + block * kSumBlock, rest < kSumBlock ? rest : kSumBlock);
  if (lane_index() == 0) partial[block] = result;
}

template <class Term>
void launch_sums(const char* op, const float* x, std::int64_t n, float* partial) {
  const std::int64_t blocks = cuda::divide_up(cuda::divide_up(n, kSumBlock), kSumsAtOnce);
  cuda::launch(op, sum_blocks_kernel<Term>,
               {dim3(static_cast<unsigned>(blocks)), dim3(kSumThreads * kSumsAtOnce)}, x, n, partial);
}

struct Regularized {
  const float* w;
  float* g;
  float l1, twice_l2;
  __device__ float load(std::int64_t i) const { return regularized({g[i]}, {w[i]}, {l1}, {twice_l2}).lane; }
  __device__ void store(std::int64_t i, float value) const { g[i] = value; }
};

}  // namespace

namespace cuda {

void optimizer_step_kernel(const OptimizerScalars& scalars, const OptimizerBlock& block) {
  constexpr std::int64_t kMostAtOnce = 65535;  // blocks by y
  const auto tiles = static_cast<unsigned>(divide_up(block.cols, kStepTile));
  const auto rows = static_cast<unsigned>(block.rows < kMostAtOnce ? block.rows : kMostAtOnce);
  with_rule(scalars, [&](auto rule) {
    launch("optimizer", step_kernel<decltype(rule)>, {dim3(tiles, rows), dim3(kStepThreads)}, scalars, block);
  });
}

void add_regularizer_gradient_kernel(const float* w, float* g, float l1, float twice_l2, std::int64_t n,
                                     Share) {
  launch_elements("regularizer", n, Regularized{w, g, l1, twice_l2});
}

void sum_squares_blocks_kernel(const float* x, std::int64_t n, float* partial, Share) {
  launch_sums<Square>("sums of squares", x, n, partial);
}

void sum_absolute_blocks_kernel(const float* x, std::int64_t n, float* partial, Share) {
  launch_sums<Absolute>("sums of absolutes", x, n, partial);
}

}  // namespace cuda
}  // namespace hotloop
