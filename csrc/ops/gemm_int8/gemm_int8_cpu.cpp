#include "cpu/simd/simd.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {
namespace {

// How many 16-lane sums the registers hold beside the operands, and the tile that suits: kVecs vectors of
// columns by kRows rows, or by kTallRows where only one or two vectors of columns are left.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kVecs = 4, kRows = 6, kTallRows = 12, kFewSums = 16;
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kVecs = 1, kRows = 4, kTallRows = 4, kFewSums = 4;
#else
constexpr int kVecs = 1, kRows = 2, kTallRows = 2, kFewSums = 2;
#endif
constexpr int kTileNumbers = 24 * kLanes;

// sums[rows][vecs * 16] = a's rows times `vecs` panels of weights. Few sums would wait for each other's
// latency, so a small tile keeps `ways` sets of them; integers may be added in any order.
template <int rows, int vecs>
__attribute__((noinline)) void multiply(const GemmInt8Args& g, const std::uint8_t* a,
                                        const std::int8_t* weights, std::int32_t* sums) {
  constexpr int share = kFewSums / (rows * vecs);
  constexpr int ways = share >= 4 ? 4 : share >= 2 ? 2 : 1;
  const std::int64_t groups = g.k / 4, a_row = g.a_row, panel = (g.k + 3) / 4 * 64;
  I32 acc[ways][rows][vecs];
#pragma GCC unroll 4
  for (int w = 0; w < ways; ++w)
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) acc[w][r][v] = splat(0);

  std::int64_t group = 0;
  for (; group + ways <= groups; group += ways) {
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w) {
      S8x64 b[vecs];
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) b[v] = load_s8x64(weights + v * panel + w * 64);
#pragma GCC unroll 12
      for (int r = 0; r < rows; ++r) {
        const U8x4 four = splat_u8x4(a + r * a_row + w * 4);
#pragma GCC unroll 4
        for (int v = 0; v < vecs; ++v) acc[w][r][v] = dot4(acc[w][r][v], four, b[v]);
      }
    }
    a += ways * 4;
    weights += ways * 64;
  }
  // What is left: whole groups of four that `ways` does not divide, and a last one of 1 to 3 bytes, which is
  // copied because the row ends there.
  for (std::int64_t left = g.k - group * 4; left > 0; left -= 4, a += 4, weights += 64) {
    S8x64 b[vecs];
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) b[v] = load_s8x64(weights + v * panel);
#pragma GCC unroll 12
    for (int r = 0; r < rows; ++r) {
      const std::uint8_t* at = a + r * a_row;
      std::uint8_t bytes[4] = {};
      for (int i = 0; left < 4 && i < left; ++i) bytes[i] = at[i];
      const U8x4 four = splat_u8x4(left < 4 ? bytes : at);
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) acc[0][r][v] = dot4(acc[0][r][v], four, b[v]);
    }
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

// A tile on its way out: rows x cols from (i, j), its numbers in rows of `width`.
struct Tile {
  std::int64_t i, j;
  int rows, cols, width;
};

HOTLOOP_INLINE void put(const GemmInt8Args& g, F32 value, std::int64_t at, int n) {
  if (g.output == Int8Output::f32) {
    store_or(static_cast<float*>(g.c) + at, value, n);
    return;
  }
  const float zero_point = static_cast<float>(g.out_zero_point);
  const F32 steps = select(is_nan(value), splat(0.0f), value * splat(g.out_inverse_scale));
  const F32 clamped = min(max(steps, splat(-zero_point)), splat(255.0f - zero_point));
  const I32 bytes = to_int(clamped) + splat(g.out_zero_point);
  std::uint8_t* out = static_cast<std::uint8_t*>(g.c) + at;
  if (n == kLanes)
    store_u8(out, bytes);
  else
    store_u8(out, bytes, n);
}

HOTLOOP_INLINE I32 load_i32_or(const std::int32_t* p, int n) {
  return n == kLanes ? load_i32(p) : load_i32(p, n);
}

// From sums to what the layer gives, while the tile is in the nearest cache.
void finish(const GemmInt8Args& g, const std::int32_t* sums, const Tile& tile) {
  const bool relu = g.activation.kind == Activation::relu;
  const bool apart = g.output != Int8Output::s32 && !relu && g.activation.kind != Activation::linear;
  alignas(64) float values[kTileNumbers];
  for (int col = 0; col < tile.cols; col += kLanes) {
    const std::int64_t j = tile.j + col;
    const int n = tile.cols - col < kLanes ? tile.cols - col : kLanes;
    const I32 bias = g.bias != nullptr ? load_i32_or(g.bias + j, n) : splat(0);
    const F32 scale = g.scale != nullptr ? load_or(g.scale + j, n) : splat(1.0f);
    for (int r = 0; r < tile.rows; ++r) {
      const std::int64_t i = tile.i + r, at = i * g.c_row + j;
      I32 sum = load_i32(sums + r * tile.width + col) + bias;
      F32 value;
      if (g.row_scale != nullptr) {
        alignas(64) std::int32_t shifted[kLanes];
        const std::uint32_t zero_point = static_cast<std::uint32_t>(g.row_zero_point[i]);
        for (int lane = 0; lane < kLanes; ++lane)
          shifted[lane] =
              lane < n
                  ? static_cast<std::int32_t>(zero_point * static_cast<std::uint32_t>(g.column_sum[j + lane]))
                  : 0;
        sum = sum - load_i32(shifted);
        value = to_float(sum) * (splat(g.row_scale[i]) * scale);
        if (g.float_bias != nullptr) value = value + load_or(g.float_bias + j, n);
      } else {
        value = to_float(sum) * scale;
      }
      if (g.output == Int8Output::s32) {
        std::int32_t* out = static_cast<std::int32_t*>(g.c) + at;
        if (n == kLanes)
          store_i32(out, sum);
        else
          store_i32(out, sum, n);
      } else if (apart) {
        store(values + r * tile.width + col, value);
      } else {
        put(g, relu ? max(value, splat(0.0f)) : value, at, n);
      }
    }
  }
  if (!apart) return;
  activation_forward(g.activation, values, values, tile.rows * tile.width, Share{});
  for (int r = 0; r < tile.rows; ++r)
    for (int col = 0; col < tile.cols; col += kLanes) {
      const int n = tile.cols - col < kLanes ? tile.cols - col : kLanes;
      put(g, load(values + r * tile.width + col), (tile.i + r) * g.c_row + tile.j + col, n);
    }
}

template <int rows, int vecs>
HOTLOOP_INLINE int do_tile(const GemmInt8Args& g, std::int64_t i, std::int64_t j, int cols) {
  alignas(64) std::int32_t sums[rows * vecs * kLanes];
  multiply<rows, vecs>(g, g.a + i * g.a_row, g.weights + j / kLanes * ((g.k + 3) / 4 * 64), sums);
  finish(g, sums, {i, j, rows, cols, vecs * kLanes});
  return rows;
}

constexpr int at_most(int limit, int wanted) { return wanted < limit ? wanted : limit; }

template <int vecs>
void do_columns(const GemmInt8Args& g, Range rows, std::int64_t j, int cols) {
  constexpr int tall = vecs <= 2 ? kTallRows : kRows;
  for (std::int64_t i = rows.begin; i < rows.end;) {
    const std::int64_t left = rows.end - i;
    if (left >= tall) {
      i += do_tile<tall, vecs>(g, i, j, cols);
      continue;
    }
    switch (left < kRows ? left : kRows) {
      case 1:
        i += do_tile<1, vecs>(g, i, j, cols);
        break;
      case 2:
        i += do_tile<at_most(kRows, 2), vecs>(g, i, j, cols);
        break;
      case 3:
        i += do_tile<at_most(kRows, 3), vecs>(g, i, j, cols);
        break;
      case 4:
        i += do_tile<at_most(kRows, 4), vecs>(g, i, j, cols);
        break;
      case 5:
        i += do_tile<at_most(kRows, 5), vecs>(g, i, j, cols);
        break;
      default:
        i += do_tile<kRows, vecs>(g, i, j, cols);
    }
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_int8_kernel(const GemmInt8Args& g, Share share) {
  // Many rows: each thread takes some of them; few: some of the columns, and so of the weights.
  const bool by_rows = g.m >= std::int64_t{8} * kRows * share.size;
  const Range rows = by_rows ? share.of(g.m, kRows) : Range{0, g.m};
  const Range cols = by_rows ? Range{0, g.n} : share.of(g.n, kLanes);
  for (std::int64_t j = cols.begin; j < cols.end; j += kVecs * kLanes) {
    const std::int64_t left = cols.end - j;
    const int count = static_cast<int>(left < kVecs * kLanes ? left : kVecs * kLanes);
    const int vecs = (count + kLanes - 1) / kLanes;
    if (vecs == 4)
      do_columns<at_most(kVecs, 4)>(g, rows, j, count);
    else if (vecs == 3)
      do_columns<at_most(kVecs, 3)>(g, rows, j, count);
    else if (vecs == 2)
      do_columns<at_most(kVecs, 2)>(g, rows, j, count);
    else
      do_columns<1>(g, rows, j, count);
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
