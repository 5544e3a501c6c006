// The product in tiles: 32 rows by 32 columns of sums, from 64 bytes along k at a time. The packed weights
// are laid out as a tile wants them: 16 groups of four by 16 columns are 16 rows of 64 bytes.
#include "cpu/simd/simd.h"
#include "cpu/simd/tiles.h"
#include "ops/gemm_int8/gemm_int8_kernels.h"
#include "ops/gemm_int8/int8_finish_tile.h"

namespace hotloop {
namespace {

constexpr int kSide = 16, kStep = 64;  // a tile's rows; bytes of k, and 16 groups of four, in one step
constexpr int kTileRows = 2 * kSide, kTileCols = 2 * kSide;
// Rows of a stay in the second-level cache while the weights go by.
constexpr int kBlockRows = 256;
static_assert(kTileRows * kTileCols <= kMostSums);

// How k falls into steps. What is left of it, 1 to 63 bytes, is a step of its own that ends where the weights
// end: it takes up the 16 groups before (or all there are), and a's bytes come from a copy in which those
// that had their turn are zero.
struct Depth {
  std::int64_t groups, steps;
  int rest;         // bytes of a in the last step
  int rest_groups;  // groups it takes up, zero without one
  int rest_at;      // where its bytes begin in the copy

  HOTLOOP_INLINE explicit Depth(std::int64_t k) : groups((k + 3) / 4), steps(k / kStep) {
    rest = static_cast<int>(k - steps * kStep);
    rest_groups = rest == 0 ? 0 : groups < kSide ? static_cast<int>(groups) : kSide;
    rest_at = rest == 0 ? 0 : static_cast<int>(steps * kStep - (groups - rest_groups) * 4);
  }
};

// One tile's operands: `rest` is the copy of a's last bytes, its rows kStep apart.
struct Operands {
  const std::uint8_t *a, *rest;
  const std::int8_t* weights;
  std::int64_t a_row, panel;
};

// Tiles 0 to 3 hold sums, 4 and 5 rows of a, 6 and 7 weights.
template <int down, int across>
HOTLOOP_INLINE void step(const std::uint8_t* a, std::int64_t a_row, const std::int8_t* weights,
                         std::int64_t panel) {
  tile_load<4>(a, a_row);
  tile_load<6>(weights, kStep);
  tile_dot_u8s8<0, 4, 6>();
  if constexpr (across == 2) {
    tile_load<7>(weights + panel, kStep);
    tile_dot_u8s8<1, 4, 7>();
  }
  if constexpr (down == 2) {
    tile_load<5>(a + kSide * a_row, a_row);
    tile_dot_u8s8<2, 5, 6>();
    if constexpr (across == 2) tile_dot_u8s8<3, 5, 7>();
  }
}

template <int down, int across>
__attribute__((noinline)) void multiply(const Depth& depth, const Operands& from, std::int32_t* sums) {
  tile_zero<0>();
  if constexpr (across == 2) tile_zero<1>();
  if constexpr (down == 2) tile_zero<2>();
  if constexpr (down == 2 && across == 2) tile_zero<3>();
  const std::uint8_t* a = from.a;
  const std::int8_t* weights = from.weights;
  for (std::int64_t s = 0; s < depth.steps; ++s) {
    step<down, across>(a, from.a_row, weights, from.panel);
    a += kStep;
    weights += kStep * kSide;
  }
  if (depth.rest != 0)
    step<down, across>(from.rest, kStep, from.weights + (depth.groups - depth.rest_groups) * kStep,
                       from.panel);
  constexpr std::int64_t row = kTileCols * 4;
  tile_store<0>(sums, row);
  if constexpr (across == 2) tile_store<1>(sums + kSide, row);
  if constexpr (down == 2) tile_store<2>(sums + kSide * kTileCols, row);
  if constexpr (down == 2 && across == 2) tile_store<3>(sums + kSide * kTileCols + kSide, row);
}

// Shapes for tiles of `rows` rows, up to 32. Without a whole step all of k is in the last one.
void configure(int rows, const Depth& depth) {
  const int deep = depth.steps > 0 ? kSide : depth.rest_groups;
  const int upper = rows < kSide ? rows : kSide, lower = rows - upper;
  TileShapes shapes;
  for (int across = 0; across < 2; ++across) {
    shapes.set(across, upper, 4 * kSide);
    shapes.set(6 + across, deep, 4 * kSide);
    if (lower > 0) shapes.set(2 + across, lower, 4 * kSide);
  }
  shapes.set(4, upper, 4 * deep);
  if (lower > 0) shapes.set(5, lower, 4 * deep);
  tiles_configure(shapes);
}

void copy_rest(const GemmInt8Args& g, Range rows, const Depth& depth, std::uint8_t* rest) {
  for (std::int64_t i = rows.begin; i < rows.end; ++i, rest += kStep) {
    __builtin_memset(rest, 0, kStep);
    __builtin_memcpy(rest + depth.rest_at, g.a + i * g.a_row + depth.steps * kStep,
                     static_cast<std::size_t>(depth.rest));
  }
}

// At most kBlockRows rows.
void do_block(const GemmInt8Args& g, Range rows, Range cols, const Depth& depth, int& configured) {
  alignas(64) std::uint8_t rest[kBlockRows * kStep];
  alignas(64) std::int32_t sums[kTileRows * kTileCols];
  if (depth.rest != 0) copy_rest(g, rows, depth, rest);
  const std::int64_t panel = depth.groups * kStep;
  const std::int64_t blocks = (cols.end - cols.begin + kTileCols - 1) / kTileCols;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t j = cols.begin + (g.backwards ? blocks - 1 - block : block) * kTileCols;
    const int width = static_cast<int>(cols.end - j < kTileCols ? cols.end - j : kTileCols);
    const std::int8_t* weights = g.weights + j / kSide * panel;
    for (std::int64_t i = rows.begin; i < rows.end; i += kTileRows) {
      const int height = static_cast<int>(rows.end - i < kTileRows ? rows.end - i : kTileRows);
      if (height != configured) configure(configured = height, depth);
      const Operands from = {g.a + i * g.a_row, rest + (i - rows.begin) * kStep, weights, g.a_row, panel};
      if (height > kSide)
        width > kSide ? multiply<2, 2>(depth, from, sums) : multiply<2, 1>(depth, from, sums);
      else
        width > kSide ? multiply<1, 2>(depth, from, sums) : multiply<1, 1>(depth, from, sums);
      finish(g, {sums, i, j, height, width, kTileCols});
    }
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_int8_kernel(const GemmInt8Args& g, Int8Part part) {
  const Depth depth(g.k);
  int configured = 0;
  for (std::int64_t i = part.rows.begin; i < part.rows.end; i += kBlockRows)
    do_block(g, {i, i + kBlockRows < part.rows.end ? i + kBlockRows : part.rows.end}, part.cols, depth,
             configured);
  tiles_release();
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
