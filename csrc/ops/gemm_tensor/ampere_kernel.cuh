// The engine for capability 8.0 and up: a ring of tiles in shared memory that asynchronous copies fill, and
// warps that multiply from it.
#pragma once
#include "cuda/device/shared.h"
#include "cuda/launch.h"
#include "ops/gemm_tensor/operand_tiles.cuh"

namespace hotloop {
namespace {

// What a block computes: rows x columns of C, by warps that stand in a grid, each with an equal part of them.
// With slices the warps of a slice take every so many-th step of k only, and their sums are added at the end
// in the order of the slices. depth: bytes of k in a tile; blocks: that one multiprocessor shall hold.
template <int rows, int columns, int warp_rows, int warp_columns, int depth, int stages, int blocks>
struct BlockShape {
  static constexpr int kRows = rows, kColumns = columns, kDepth = depth, kStages = stages, kBlocks = blocks;
  static constexpr int kWarpRows = warp_rows, kWarpColumns = warp_columns;
  static constexpr int kDown = rows / warp_rows, kAcross = columns / warp_columns;
  static constexpr int kSlices = kTensorThreads / 32 / (kDown * kAcross);
  static constexpr int kSteps = depth / kStepBytes / kSlices;
  static constexpr int kStage = (rows + columns) * depth;
  // Sums on their way out: rows are this far apart so that a warp's pairs lie in different banks.
  static constexpr int kSumRow = columns + 8;
  static constexpr int kSums = kSlices * rows * kSumRow * 4;
  static constexpr int kShared = kStages * kStage > kSums ? kStages* kStage : kSums;
  static_assert(kSlices >= 1 && kSteps >= 1);
};
using LargeBlock = BlockShape<128, 128, 64, 64, 64, 4, 2>;
using MediumBlock = BlockShape<64, 64, 32, 32, 128, 4, 3>;
// For few tiles: the whole block shares the k of one.
using SmallBlock = BlockShape<32, 32, 32, 32, 128, 6, 4>;

struct TileGrid {
  unsigned down, across;
  std::int64_t depth;  // tiles of k
};

// Blocks that run together stand in stripes eight tiles high: what they read they share in the second-level
// cache.
struct TilePlace {
  std::int64_t down, across;
};
__device__ __forceinline__ TilePlace place_of(unsigned block, const TileGrid& grid) {
  constexpr unsigned kStripe = 8;
  const unsigned stripe = block / (kStripe * grid.across), within = block % (kStripe * grid.across);
  const unsigned top = stripe * kStripe, height = grid.down - top < kStripe ? grid.down - top : kStripe;
  return {top + within % height, within / height};
}

template <class Operands, class Shape>
struct WarpSums {
  using Sum = typename Operands::Sum;
  static constexpr int kDown = Shape::kWarpRows / 16, kAcross = Shape::kWarpColumns / 16;
  Sum sum[kDown][2 * kAcross][4];
  int row, column, slice;  // of this warp in the block

  __device__ __forceinline__ WarpSums() {
    const int warp = static_cast<int>(threadIdx.x) / 32;
    row = warp / Shape::kAcross % Shape::kDown * Shape::kWarpRows;
    column = warp % Shape::kAcross * Shape::kWarpColumns;
    slice = warp / (Shape::kAcross * Shape::kDown);
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int j = 0; j < 2 * kAcross; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) sum[i][j][e] = 0;
  }

  template <class TileA, class TileB>
  __device__ __forceinline__ void add(const unsigned char* a, const unsigned char* b) {
#pragma unroll
    for (int s = 0; s < Shape::kSteps; ++s) {
      const int step = s * Shape::kSlices + slice;
      unsigned rows[kDown][4], columns[kAcross][4];
#pragma unroll
      for (int i = 0; i < kDown; ++i) TileA::rows(a, row + 16 * i, step, rows[i]);
#pragma unroll
      for (int j = 0; j < kAcross; ++j) TileB::columns(b, column + 16 * j, step, columns[j]);
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int j = 0; j < 2 * kAcross; ++j)
          multiply_add(Operands{}, sum[i][j], rows[i], columns[j / 2][j % 2 * 2],
                       columns[j / 2][j % 2 * 2 + 1]);
    }
  }

  __device__ __forceinline__ void store(Sum* sums) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    Sum* const to = sums + (slice * Shape::kRows + row + lane / 4) * Shape::kSumRow + column + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int j = 0; j < 2 * kAcross; ++j)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          Sum* const pair = to + (16 * i + 8 * half) * Shape::kSumRow + 8 * j;
          pair[0] = sum[i][j][2 * half], pair[1] = sum[i][j][2 * half + 1];
        }
  }
};

// From shared memory out, neighbouring threads writing neighbouring pairs.
template <class Shape, class Sum, class Epilogue>
__device__ __forceinline__ void finish_block(const Sum* sums, std::int64_t row, std::int64_t column,
                                             const Epilogue& epilogue) {
  constexpr int kPairs = Shape::kColumns / 2;
#pragma unroll 2
  for (int at = static_cast<int>(threadIdx.x); at < Shape::kRows * kPairs; at += kTensorThreads) {
    const int i = at / kPairs, j = at % kPairs * 2;
    const Sum* const pair = sums + i * Shape::kSumRow + j;
    Sum first = pair[0], second = pair[1];
#pragma unroll
    for (int slice = 1; slice < Shape::kSlices; ++slice) {
      first += pair[slice * Shape::kRows * Shape::kSumRow];
      second += pair[slice * Shape::kRows * Shape::kSumRow + 1];
    }
    epilogue(row + i, column + j, first, second);
  }
}

template <class Operands, class Shape, class TileA, class LoadA, class TileB, class LoadB, class Epilogue>
__global__ void __launch_bounds__(kTensorThreads, Shape::kBlocks)
    ampere_kernel(const typename LoadA::Matrix a, const typename LoadB::Matrix b, const TileGrid grid,
                  const Epilogue epilogue) {
  using Sum = typename Operands::Sum;
  constexpr int kStages = Shape::kStages;
  unsigned char* const ring = dynamic_shared();
  const TilePlace place = place_of(blockIdx.x, grid);
  const std::int64_t row = place.down * Shape::kRows, column = place.across * Shape::kColumns;
  const auto fetch = [&](std::int64_t index, int stage) {
    if (index < grid.depth) {
      unsigned char* const tile = ring + stage * Shape::kStage;
      LoadA::fetch(a, row, index, tile);
      LoadB::fetch(b, column, index, tile + TileA::kBytes);
    }
    copies_commit();  // a group for each stage, so that counting them tells which has come
  };

#pragma unroll
  for (int i = 0; i < kStages - 1; ++i) fetch(i, i);
  WarpSums<Operands, Shape> sums;
  int stage = 0;
#pragma unroll 1
  for (std::int64_t index = 0; index < grid.depth; ++index) {
    copies_wait<kStages - 2>();
    __syncthreads();  // this tile has come for everybody, and the one before it has been read
    fetch(index + kStages - 1, stage == 0 ? kStages - 1 : stage - 1);
    const unsigned char* const tile = ring + stage * Shape::kStage;
    sums.template add<TileA, TileB>(tile, tile + TileA::kBytes);
    stage = stage + 1 == kStages ? 0 : stage + 1;
  }
  copies_wait<0>();
  __syncthreads();
  sums.store(reinterpret_cast<Sum*>(ring));
  __syncthreads();
  finish_block<Shape>(reinterpret_cast<const Sum*>(ring), row, column, epilogue);
}

// depth: bytes of k.
template <class Operands, class Shape, class TileA, class LoadA, class TileB, class LoadB, class Epilogue>
void launch_ampere(const char* op, const typename LoadA::Matrix& a, const typename LoadB::Matrix& b,
                   std::int64_t m, std::int64_t n, std::int64_t depth, const Epilogue& epilogue) {
  const TileGrid grid{static_cast<unsigned>(cuda::divide_up(m, Shape::kRows)),
                      static_cast<unsigned>(cuda::divide_up(n, Shape::kColumns)),
                      cuda::divide_up(depth, Shape::kDepth)};
  cuda::launch(op, ampere_kernel<Operands, Shape, TileA, LoadA, TileB, LoadB, Epilogue>,
               {dim3(grid.down * grid.across), dim3(kTensorThreads), Shape::kShared}, a, b, grid, epilogue);
}

}  // namespace
}  // namespace hotloop
