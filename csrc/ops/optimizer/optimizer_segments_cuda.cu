#include "ops/optimizer/optimizer_segments.h"

#include "cuda/launch.h"
#include "ops/optimizer/optimizer_step.cuh"

namespace hotloop {
namespace {

using cuda::divide_up;
using cuda::NormSum;
using cuda::PenaltySum;
using cuda::UpdateSegment;

constexpr unsigned kAllLanes = 0xffffffffu;

// The tiles of all segments, one after the other: which segment a tile belongs to. All threads of a warp ask
// together, for later and later tiles.
class Tiles {
 public:
  __device__ Tiles(const UpdateSegment* segments, int count) : segments_(segments), count_(count) {}

  // Whether there is such a tile; if so, segment() and in_segment() are its.
  __device__ bool find(std::int64_t tile) {
    tile_ = tile;
    if (tile < end_) return true;
    for (; chunk_ < count_; chunk_ += 32) {
      const std::int64_t own = tiles_of(chunk_ + lane());
      std::int64_t upto = own;
#pragma unroll
      for (int step = 1; step < 32; step *= 2) {
        const std::int64_t before = __shfl_up_sync(kAllLanes, upto, step);
        if (lane() >= step) upto += before;
      }
      const std::int64_t first = before_chunk_ + upto - own;
      const unsigned here = __ballot_sync(kAllLanes, first <= tile && tile < first + own);
      if (here != 0) {
        const int source = __ffs(static_cast<int>(here)) - 1;
        segment_ = segments_[chunk_ + source];
        first_ = __shfl_sync(kAllLanes, first, source);
        end_ = __shfl_sync(kAllLanes, first + own, source);
        return true;
      }
      before_chunk_ += __shfl_sync(kAllLanes, upto, 31);
    }
    return false;
  }

  __device__ const UpdateSegment& segment() const { return segment_; }
  __device__ std::int64_t in_segment() const { return tile_ - first_; }

 private:
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ std::int64_t tiles_of(int i) const {
    return i < count_ ? (segments_[i].size + kStepTile - 1) / kStepTile : 0;
  }

  const UpdateSegment* segments_;
  int count_, chunk_ = 0;
  std::int64_t before_chunk_ = 0;  // tiles of the segments before this chunk of 32
  std::int64_t tile_ = 0, first_ = 0, end_ = 0;
  UpdateSegment segment_{};
};

struct Arena {
  StepPlace at;
  const float* scales;
};

template <class Rule>
__global__ void __launch_bounds__(kStepThreads, kStepBlocks)
    segments_kernel(const OptimizerScalars* table, const cuda::DeviceStep* step,
                    const UpdateSegment* segments, int count, Arena arena) {
  const OptimizerScalars scalars = table[step != nullptr ? step->index : 0];
  Splat s = splat_all(scalars);
  Tiles tiles(segments, count);
  for (std::int64_t tile = blockIdx.x; tiles.find(tile); tile += gridDim.x) {
    const UpdateSegment& segment = tiles.segment();
    if (arena.scales != nullptr) s.gradient_scale = splat(arena.scales[segment.norm < 0 ? 0 : segment.norm]);
    const std::int64_t in_segment = tiles.in_segment() * kStepTile, at = segment.offset + in_segment;
    StepPlace place{arena.at.w + at, arena.at.g + at, {}};
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) place.slots[k] = arena.at.slots[k] + at;
    step_tile<Rule>(s, segment.decay && scalars.decay != 0.0f, place, segment.size - in_segment);
  }
}

// block_total, by a block of kTotalChains threads: thread 0 gets it.
template <class Sum>
__device__ double total_of(const float* partials, const Sum& sum) {
  __shared__ double chains[kTotalChains];
  const int chain = static_cast<int>(threadIdx.x);
  double mine = 0;
#pragma unroll 8
  for (std::int64_t b = chain; b < sum.blocks; b += kTotalChains) {
    const double block = partials[sum.first_partial + b];
    mine = __dadd_rn(mine, block < 0 ? block * kOfShrunkSum : block);
  }
  __syncthreads();
  chains[chain] = mine;
  __syncthreads();
  double total = 0;
  if (chain == 0)
    for (int i = 0; i < kTotalChains && i < sum.blocks; ++i) total = __dadd_rn(total, chains[i]);
  return total;
}

__device__ float scale_of(double squares, double most) {
  const double norm = __dsqrt_rn(squares);
  return static_cast<float>(__ddiv_rn(most, norm < most ? most : norm));
}

__global__ void __launch_bounds__(kTotalChains)
    norm_kernel(const float* partials, const NormSum* sums, float clipnorm, float* scales) {
  const double total = total_of(partials, sums[blockIdx.x]);
  if (threadIdx.x == 0) scales[blockIdx.x] = scale_of(total, static_cast<double>(clipnorm));
}

__global__ void __launch_bounds__(kTotalChains)
    global_norm_kernel(const float* partials, const NormSum* sums, int count, float clipnorm, float* scales) {
  double squares = 0;
  for (int i = 0; i < count; ++i) squares = __dadd_rn(squares, total_of(partials, sums[i]));
  if (threadIdx.x == 0) scales[0] = scale_of(squares, static_cast<double>(clipnorm));
}

__global__ void __launch_bounds__(kTotalChains)
    penalty_kernel(const float* partials, const PenaltySum* sums, int count, double* penalty) {
  double loss = 0;
  for (int i = 0; i < count; ++i)
    loss = __dadd_rn(loss, __dmul_rn(static_cast<double>(sums[i].factor), total_of(partials, sums[i])));
  if (threadIdx.x == 0) *penalty = __dadd_rn(*penalty, loss);
}

}  // namespace

namespace cuda {

void update_segments(const OptimizerScalars& shape, const OptimizerScalars* table, const DeviceStep* step,
                     const UpdateSegment* segments, int count, std::int64_t total, float* w, const float* g,
                     float* const slots[kOptimizerSlots], const float* scales) {
  // Each segment's last tile may be short; a block finds out by itself that there is nothing for it.
  const std::int64_t most_tiles = total / kStepTile + count;
  const std::int64_t most_blocks = kStepBlocks * std::int64_t{device_limits().multiprocessors};
  const auto blocks = static_cast<unsigned>(most_tiles < most_blocks ? most_tiles : most_blocks);
  Arena arena{{w, g, {}}, scales};
  for (int k = 0; k < kOptimizerSlots; ++k) arena.at.slots[k] = slots[k];
  with_rule(shape, [&](auto rule) {
    launch("optimizer", segments_kernel<decltype(rule)>, {dim3(blocks), dim3(kStepThreads)}, table, step,
           segments, count, arena);
  });
}

void norm_scales(const float* partials, const NormSum* sums, int count, float clipnorm, float global_clipnorm,
                 float* scales) {
  if (global_clipnorm > 0)
    launch("clipping by norm", global_norm_kernel, {dim3(1), dim3(kTotalChains)}, partials, sums, count,
           global_clipnorm, scales);
  else
    launch("clipping by norm", norm_kernel, {dim3(static_cast<unsigned>(count)), dim3(kTotalChains)},
           partials, sums, clipnorm, scales);
}

void penalty_total(const float* partials, const PenaltySum* sums, int count, double* penalty) {
  launch("regularisation", penalty_kernel, {dim3(1), dim3(kTotalChains)}, partials, sums, count, penalty);
}

}  // namespace cuda
}  // namespace hotloop
