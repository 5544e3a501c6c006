#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "cuda/launch.h"
#include "ops/gemm/gemm_block.cuh"
#include "ops/gemm/gemm_cuda.h"

namespace hotloop {
namespace {

// The shapes of GemmTile. Small tiles have deeper rings: a slice is soon used up, and takes as long to come.
using Tile128x128 = BlockTile<4, 2, 4, 8, 8, 16, 2, 2>;
using Tile128x256 = BlockTile<4, 2, 4, 8, 16, 16, 3, 1>;
using Tile64x64 = BlockTile<2, 2, 4, 8, 4, 16, 3, 4>;
using Tile32x32 = BlockTile<2, 1, 4, 4, 4, 16, 4, 8>;
using Tile16x16 = BlockTile<2, 1, 4, 2, 2, 16, 6, 12>;
using Tile64x16 = BlockTile<4, 1, 4, 4, 2, 32, 3, 5>;
using Tile8x32 = BlockTile<4, 1, 1, 2, 1, 32, 6, 5>;

bool in_vectors(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

StridedOperand operand(const float* data, std::int64_t line, std::int64_t step, std::int64_t lines,
                       std::int64_t steps) {
  if (lines <= 1) line = 0;
  if (steps <= 1) step = 0;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() / 4;
  require(std::max(std::abs(line), std::abs(step)) <= kMost,
          "gemm: expected operands whose rows are less than ", kMost, " numbers apart on a GPU");
  FetchOrder order = FetchOrder::lines;
  if ((line == 1 || lines <= 1) && step % 4 == 0 && in_vectors(data))
    order = FetchOrder::line_vectors;
  else if (step == 1)
    order = FetchOrder::steps;
  return {data, static_cast<int>(4 * line), static_cast<int>(4 * step), order, lines};
}

template <class Tile>
void run(const GemmArgs& g) {
  BlockProduct<StridedOperand, StridedOperand> p{};
  p.a = operand(g.a, g.a_row, g.a_col, g.m, g.k);
  p.b = operand(g.b, g.b_col, g.b_row, g.n, g.k);
  p.m = g.m, p.n = g.n, p.k = static_cast<int>(g.k);
  p.c = g.c, p.c_row = g.c_row;
  p.bias = g.bias, p.accumulate = g.accumulate;
  p.vectors = in_vectors(g.c) && g.c_row % 4 == 0 && in_vectors(g.bias);
  p.activation = g.activation;
  require(g.k <= std::numeric_limits<std::int32_t>::max() - Tile::kDepth,
          "gemm: expected less than 2^31 steps of k on a GPU, got ", g.k);
  const std::int64_t down = cuda::divide_up(g.m, Tile::kRows), across = cuda::divide_up(g.n, Tile::kCols);
  constexpr std::int64_t kMostTiles = std::int64_t{1} << 27;
  require(down * across <= kMostTiles, "gemm: expected a result of at most ", kMostTiles,
          " tiles on a GPU, got ", g.m, " x ", g.n);
  p.tiles_down = static_cast<unsigned>(down), p.tiles_across = static_cast<unsigned>(across);
  cuda::launch("gemm", gemm_block_kernel<Tile, StridedOperand, StridedOperand>,
               {dim3(static_cast<unsigned>(down * across)), dim3(Tile::kThreads), Tile::kSharedBytes}, p);
}

struct Pack {
  const float* b;
  std::int64_t b_row, b_col, n;
  float* packed;
  __device__ float load(std::int64_t i) const { return b[i / n * b_row + i % n * b_col]; }
  __device__ void store(std::int64_t i, float number) const { packed[i] = number; }
};

}  // namespace

namespace cuda {

void gemm_kernel(const GemmArgs& args, GemmTile tile) {
  switch (tile) {
    case GemmTile::t128x128:
      return run<Tile128x128>(args);
    case GemmTile::t128x256:
      return run<Tile128x256>(args);
    case GemmTile::t64x64:
      return run<Tile64x64>(args);
    case GemmTile::t32x32:
      return run<Tile32x32>(args);
    case GemmTile::t16x16:
      return run<Tile16x16>(args);
    case GemmTile::t64x16:
      return run<Tile64x16>(args);
    case GemmTile::t8x32:
      return run<Tile8x32>(args);
  }
}

void gemm_pack_kernel(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                      float* packed) {
  launch_elements("pack", k * n, Pack{b, b_row, b_col, n, packed});
}

}  // namespace cuda
}  // namespace hotloop
