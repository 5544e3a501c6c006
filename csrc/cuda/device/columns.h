// Sums down the columns of a matrix, 16 columns a block of threads, in the CPU's order: blocks of 128 rows
// are summed by themselves, each by a half warp, and then added in ascending order.
#pragma once
#include "cuda/device/lanes.h"

namespace hotloop {
namespace {

constexpr int kRowsOfBlock = 128, kMostHalfWarps = 64;

// Half warps for so many rows, in whole warps.
constexpr unsigned column_threads(std::int64_t rows) {
  const std::int64_t blocks = (rows + kRowsOfBlock - 1) / kRowsOfBlock;
  const std::int64_t warps = (blocks + 1) / 2;
  return static_cast<unsigned>(warps < 1 ? 1 : warps > kMostHalfWarps / 2 ? kMostHalfWarps / 2 : warps) * 32;
}

// Calls add(load(r), sums) for the rows of a block in order; adds the blocks' sums to `total`, which all
// threads of the block then have. load(r) is asked for some rows ahead.
template <int kSums, class Load, class Add>
HOTLOOP_INLINE void sum_row_blocks(std::int64_t rows, F32 (&total)[kSums],
                                   float (&partial)[kMostHalfWarps][kSums][kLanes], const Load& load,
                                   const Add& add) {
  constexpr int kAhead = 16 / kSums;  // rows
  const int half_warp = static_cast<int>(threadIdx.x) / kLanes;
  const int half_warps = static_cast<int>(blockDim.x) / kLanes;
  for (std::int64_t wave = 0; wave < rows; wave += half_warps * kRowsOfBlock) {
    const std::int64_t first = wave + half_warp * kRowsOfBlock, left = rows - first;
    const int count = left < kRowsOfBlock ? static_cast<int>(left < 0 ? 0 : left) : kRowsOfBlock;
    F32 sums[kSums] = {};
    for (int r = 0; r < count; r += kAhead) {
      decltype(load(first)) ahead[kAhead] = {};
#pragma unroll
      for (int j = 0; j < kAhead; ++j)
        if (r + j < count) ahead[j] = load(first + r + j);
#pragma unroll
      for (int j = 0; j < kAhead; ++j)
        if (r + j < count) add(ahead[j], sums);
    }
#pragma unroll
    for (int s = 0; s < kSums; ++s) partial[half_warp][s][lane_index()] = sums[s].lane;
    __syncthreads();
    for (int h = 0; h < half_warps && wave + h * kRowsOfBlock < rows; ++h) {
#pragma unroll
      for (int s = 0; s < kSums; ++s) total[s] = total[s] + F32{partial[h][s][lane_index()]};
    }
    __syncthreads();
  }
}

}  // namespace
}  // namespace hotloop
