// The product in tiles: 32 rows by 32 columns of sums, from 64 bytes along k at a time. The packed weights
// are laid out as a tile wants them: 16 groups of four by 16 columns are 16 rows of 64 bytes.
#include "cpu/simd/simd.h"
#include "cpu/simd/tiles.h"
#include "ops/gemm_int8/gemm_int8_kernels.h"
#include "ops/gemm_int8/int8_finish_tile.h"

namespace hotloop {
namespace {

constexpr int kSide = 16, kStep = 64;  // a tile's rows; bytes of k, and 16 groups of four, in one step
constexpr int kTileRows = 2 * kSide, kTileCols = 2 * kSide, kSumsRow = 4 * kTileCols;
// Rows of a stay in the second-level cache while the weights go by.
constexpr int kBlockRows = 256;
// Up to kMostSteps the operands of a tile fit the nearest cache more or less. A longer k is taken in pieces
// of about kPieceSteps, in which at least the weights stay there while the rows go by.
constexpr std::int64_t kMostSteps = 15, kPieceSteps = 10;
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

// The next weights, brought into the second-level cache a little with each step.
struct Ahead {
  const std::int8_t *next, *end;

  HOTLOOP_INLINE void fetch() {
    if (next >= end) return;
    for (int line = 0; line < 4; ++line) __builtin_prefetch(next + line * 64, 0, 2);
    next += 4 * 64;
  }
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

template <int n>
struct Number {
  static constexpr int value = n;
};

// Calls at(tile, its sums) for the tiles of sums there are.
template <int down, int across, class At>
HOTLOOP_INLINE void each_sum(std::int32_t* sums, At at) {
  at(Number<0>{}, sums);
  if constexpr (across == 2) at(Number<1>{}, sums + kSide);
  if constexpr (down == 2) at(Number<2>{}, sums + kSide * kTileCols);
  if constexpr (down == 2 && across == 2) at(Number<3>{}, sums + kSide * kTileCols + kSide);
}

// Adds some of the steps, and after the last of all what is left of k.
template <int down, int across>
__attribute__((noinline)) void multiply(const Depth& depth, const Operands& from, Range steps, Ahead& ahead,
                                        std::int32_t* sums) {
  if (steps.begin == 0)
    each_sum<down, across>(sums, [](auto tile, std::int32_t*) HOTLOOP_BODY { tile_zero<tile.value>(); });
  else
    each_sum<down, across>(
        sums, [](auto tile, std::int32_t* at) HOTLOOP_BODY { tile_load<tile.value>(at, kSumsRow); });
  const std::uint8_t* a = from.a + steps.begin * kStep;
  const std::int8_t* weights = from.weights + steps.begin * kStep * kSide;
  for (std::int64_t s = steps.begin; s < steps.end; ++s) {
    step<down, across>(a, from.a_row, weights, from.panel);
    ahead.fetch();
    a += kStep;
    weights += kStep * kSide;
  }
  if (steps.end == depth.steps && depth.rest != 0)
    step<down, across>(from.rest, kStep, from.weights + (depth.groups - depth.rest_groups) * kStep,
                       from.panel);
  each_sum<down, across>(
      sums, [](auto tile, std::int32_t* at) HOTLOOP_BODY { tile_store<tile.value>(at, kSumsRow); });
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

// At most kBlockRows rows by the columns of one tile.
void do_columns(const GemmInt8Args& g, Range rows, Range cols, const Depth& depth, const std::uint8_t* rest,
                Ahead ahead, int& configured) {
  alignas(64) std::int32_t sums[kBlockRows * kTileCols];
  const int width = static_cast<int>(cols.end - cols.begin);
  const std::int64_t panel = depth.groups * kStep;
  const std::int64_t pieces = depth.steps <= kMostSteps ? 1 : (depth.steps + kPieceSteps - 1) / kPieceSteps;
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    const Range steps = {depth.steps * piece / pieces, depth.steps * (piece + 1) / pieces};
    std::int32_t* at = sums;
    for (std::int64_t i = rows.begin; i < rows.end; i += kTileRows) {
      const int height = static_cast<int>(rows.end - i < kTileRows ? rows.end - i : kTileRows);
      if (height != configured) configure(configured = height, depth);
      const Operands from = {g.a + i * g.a_row, rest + (i - rows.begin) * kStep,
                             g.weights + cols.begin / kSide * panel, g.a_row, panel};
      if (height > kSide)
        width > kSide ? multiply<2, 2>(depth, from, steps, ahead, at)
                      : multiply<2, 1>(depth, from, steps, ahead, at);
      else
        width > kSide ? multiply<1, 2>(depth, from, steps, ahead, at)
                      : multiply<1, 1>(depth, from, steps, ahead, at);
      if (piece + 1 == pieces) finish(g, {at, i, cols.begin, height, width, kTileCols});
      if (pieces > 1) at += kTileRows * kTileCols;
    }
  }
}

// At most kBlockRows rows.
void do_block(const GemmInt8Args& g, Range rows, Range cols, const Depth& depth, int& configured) {
  alignas(64) std::uint8_t rest[kBlockRows * kStep];
  if (depth.rest != 0) copy_rest(g, rows, depth, rest);
  const std::int64_t panel = depth.groups * kStep;
  const std::int64_t blocks = (cols.end - cols.begin + kTileCols - 1) / kTileCols;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t j = cols.begin + (g.backwards ? blocks - 1 - block : block) * kTileCols;
    const std::int8_t* next = g.weights + (j / kSide + 2) * panel;
    const bool last = g.backwards || block + 1 == blocks;
    do_columns(g, rows, {j, j + kTileCols < cols.end ? j + kTileCols : cols.end}, depth, rest,
               {next, last ? next : next + 2 * panel}, configured);
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
