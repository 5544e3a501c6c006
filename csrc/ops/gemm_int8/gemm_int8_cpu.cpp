#include "cpu/simd/simd.h"
#include "ops/gemm_int8/gemm_int8_kernels.h"
#include "ops/gemm_int8/int8_finish_tile.h"

namespace hotloop {
namespace {

// Sums that the registers hold beside the operands, as rows by vectors of 16 columns. A tall tile reads 14
// vectors for 24 products, and each of its weights from the second-level cache a twelfth of the time; where
// there are few rows, a wide one needs each of a's bytes only once in four vectors. kFewSums: with fewer
// chains than that, each sum would wait for the one before. kDeep: groups of four along k in one turn of
// the loop.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kTallRows = 12, kTallVecs = 2, kWideRows = 6, kWideVecs = 4, kFewSums = 16, kDeep = 4;
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kTallRows = 5, kTallVecs = 1, kWideRows = 5, kWideVecs = 1, kFewSums = 4, kDeep = 1;
#else
constexpr int kTallRows = 2, kTallVecs = 1, kWideRows = 2, kWideVecs = 1, kFewSums = 2, kDeep = 1;
#endif
static_assert(kTallRows * kTallVecs * kLanes <= kMostSums && kWideRows * kWideVecs * kLanes <= kMostSums);

static_assert(kTallRows <= kTallestInt8Tile && kWideRows <= kTallestInt8Tile);

// Weights that are wanted soon: so many lines of them are brought into the second-level cache with each turn
// of a product's loop.
struct Ahead {
  const std::int8_t* next;
  int lines;
};

// sums[rows][vecs * 16] = a's rows times `vecs` panels of weights, in any order: integers don't mind.
template <int rows, int vecs>
__attribute__((noinline)) void multiply(const GemmInt8Args& g, const std::uint8_t* a,
                                        const std::int8_t* weights, Ahead ahead, std::int32_t* sums) {
  constexpr int share = kFewSums / (rows * vecs);
  constexpr int ways = share >= 4 ? 4 : share >= 2 ? 2 : 1;
  constexpr int deep = ways > kDeep ? ways : kDeep;
  const std::int64_t groups = g.k / 4, a_row = g.a_row, panel = (g.k + 3) / 4 * 64;
  I32 acc[ways][rows][vecs];
#pragma GCC unroll 4
  for (int w = 0; w < ways; ++w)
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) acc[w][r][v] = splat(0);

  // One pointer for three rows: an address has room for one multiple of a_row.
  const std::uint8_t* at[(rows + 2) / 3];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r += 3) at[r / 3] = a + r * a_row;

  std::int64_t group = 0;
  for (; group + deep <= groups; group += deep) {
    for (int line = 0; line < ahead.lines; ++line) __builtin_prefetch(ahead.next + line * 64, 0, 2);
    ahead.next += ahead.lines * 64;
#pragma GCC unroll 4
    for (int u = 0; u < deep; ++u) {
      S8x64 b[vecs];
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) b[v] = load_s8x64(weights + v * panel + u * 64);
#pragma GCC unroll 12
      for (int r = 0; r < rows; ++r) {
        const U8x4 four = splat_u8x4(at[r / 3] + r % 3 * a_row + u * 4);
#pragma GCC unroll 4
        for (int v = 0; v < vecs; ++v) acc[u % ways][r][v] = dot4(acc[u % ways][r][v], four, b[v]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r += 3) at[r / 3] += deep * 4;
    weights += deep * 64;
  }
  // What is left: whole groups of four that `deep` does not divide, and a last one of 1 to 3 bytes, which is
  // copied because the row ends there.
  for (std::int64_t left = g.k - group * 4; left > 0; left -= 4, weights += 64) {
    S8x64 b[vecs];
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) b[v] = load_s8x64(weights + v * panel);
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      const std::uint8_t* from = at[r / 3] + r % 3 * a_row;
      std::uint8_t bytes[4] = {};
      for (int i = 0; left < 4 && i < left; ++i) bytes[i] = from[i];
      const U8x4 four = splat_u8x4(left < 4 ? bytes : from);
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) acc[0][r][v] = dot4(acc[0][r][v], four, b[v]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r += 3) at[r / 3] += 4;
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) {
#pragma GCC unroll 4
      for (int w = 1; w < ways; ++w) acc[0][r][v] = acc[0][r][v] + acc[w][r][v];
      store_i32(sums + (r * vecs + v) * kLanes, acc[0][r][v]);
    }
}

// `rows` rows, at most `most`, by the tile made for that many.
template <int most, int vecs>
HOTLOOP_INLINE void multiply_rows(int rows, const GemmInt8Args& g, const std::uint8_t* a,
                                  const std::int8_t* weights, Ahead ahead, std::int32_t* sums) {
  if constexpr (most > 1)
    if (rows < most) return multiply_rows<most - 1, vecs>(rows, g, a, weights, ahead, sums);
  multiply<most, vecs>(g, a, weights, ahead, sums);
}

// All rows by `vecs` panels of weights from column j on; unless these are the last, the next ones are fetched
// meanwhile.
template <int most, int vecs>
void do_columns(const GemmInt8Args& g, Range rows, std::int64_t high, std::int64_t j, int cols, bool last) {
  const std::int64_t panel = (g.k + 3) / 4 * 64;
  const std::int8_t* weights = g.weights + j / kLanes * panel;
  alignas(64) std::int32_t sums[most * vecs * kLanes];
  // All tiles together fetch the next block, in panel / 256 turns each. One tile alone would only wait for it
  // twice.
  if (high > most) high = most;
  const std::int64_t tiles = (rows.end - rows.begin + high - 1) / high,
                     share = (4 * vecs + tiles - 1) / tiles;
  Ahead ahead = {weights + vecs * panel, share < 4 ? static_cast<int>(share) : 4};
  const std::int8_t* fetched = last || tiles == 1 ? ahead.next : ahead.next + vecs * panel;
  for (std::int64_t i = rows.begin; i < rows.end;) {
    const std::int64_t left = rows.end - i, parts = (left + high - 1) / high;
    const int height = static_cast<int>((left + parts - 1) / parts);
    if (ahead.next >= fetched) ahead.lines = 0;
    multiply_rows<most, vecs>(height, g, g.a + i * g.a_row, weights, ahead, sums);
    finish(g, {sums, i, j, height, cols, vecs * kLanes});
    ahead.next += ahead.lines * (panel / 4);
    i += height;
  }
}

// `vecs` panels at a time, then half as many for the rest.
template <int most, int vecs>
void do_rows(const GemmInt8Args& g, Range rows, std::int64_t high, Range cols) {
  constexpr std::int64_t width = vecs * kLanes;
  // The last one may lack a few columns, but no whole panel.
  const std::int64_t blocks = (cols.end - cols.begin + kLanes - 1) / width;
  const std::int64_t rest = cols.begin + blocks * width;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t j = cols.begin + (g.backwards ? blocks - 1 - block : block) * width;
    const std::int64_t left = cols.end - j;
    do_columns<most, vecs>(g, rows, high, j, static_cast<int>(left < width ? left : width),
                           g.backwards || left < 2 * width);
  }
  if constexpr (vecs > 1)
    if (rest < cols.end) do_rows<most, vecs / 2>(g, rows, high, {rest, cols.end});
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_int8_kernel(const GemmInt8Args& g, Int8Part part) {
  // Small enough a block of rows to stay in the second-level cache while the weights go by.
  const std::int64_t fit = part.block / (g.k + 1);
  const std::int64_t block = fit < 8 * kTallRows ? 8 * kTallRows : fit / kTallRows * kTallRows;
  for (std::int64_t i = part.rows.begin; i < part.rows.end; i += block) {
    const Range rows = {i, i + block < part.rows.end ? i + block : part.rows.end};
    if (rows.end - rows.begin <= kWideRows || part.high <= kWideRows)
      do_rows<kWideRows, kWideVecs>(g, rows, part.high, part.cols);
    else
      do_rows<kTallRows, kTallVecs>(g, rows, part.high, part.cols);
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
