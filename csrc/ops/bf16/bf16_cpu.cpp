#include "ops/bf16/bf16.h"

#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

// A tile is kRows rows by kVecs vectors of columns; a lone row takes kLoneVecs, since only independent
// columns can hide the latency of its chains.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kVecs = 4, kRows = 6, kLoneVecs = 8;
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kVecs = 1, kRows = 6, kLoneVecs = 4;
#else
constexpr int kVecs = 1, kRows = 2, kLoneVecs = 1;
#endif

// Some steps of k, of whose weights the rows lie `row` apart: where they are, or copied side by side.
struct Steps {
  const std::uint16_t* weights;
  std::int64_t row, begin, depth;
};

// Adds a stretch to its tile. `last` is how many columns of the last vector exist; `whole` says that all do.
template <int rows, int vecs, bool whole>
__attribute__((noinline)) void tile(const GemmBf16Args& g, const Steps& s, std::int64_t i, std::int64_t j,
                                    int last) {
  const float* a = g.a + i * g.a_row + s.begin;
  const std::uint16_t* w = s.weights;
  float* const to = g.c + i * g.c_row + j;
  F32 acc[rows][vecs];
#pragma GCC unroll 8
  for (int v = 0; v < vecs; ++v) {
    const std::int64_t at = v * kLanes;
    F32 start = splat(0.0f);
    if (g.bias != nullptr)
      start = whole || v + 1 < vecs ? load(g.bias + j + at) : load(g.bias + j + at, last);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const float* c = to + r * g.c_row + at;
      acc[r][v] = s.begin == 0 ? start : whole || v + 1 < vecs ? load(c) : load(c, last);
    }
  }
  for (std::int64_t k = 0; k < s.depth; ++k, w += s.row) {
    F32 b[vecs];
#pragma GCC unroll 8
    for (int v = 0; v < vecs; ++v)
      b[v] = whole || v + 1 < vecs ? load_bf16(w + v * kLanes) : load_bf16(w + v * kLanes, last);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const F32 x = splat(a[r * g.a_row + k]);
#pragma GCC unroll 8
      for (int v = 0; v < vecs; ++v) acc[r][v] = fma(x, b[v], acc[r][v]);
    }
  }
  const bool done = s.begin + s.depth == g.k;
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
    float* c = to + r * g.c_row;
#pragma GCC unroll 8
    for (int v = 0; v < vecs; ++v) {
      if (whole || v + 1 < vecs)
        store(c + v * kLanes, acc[r][v]);
      else
        store(c + v * kLanes, acc[r][v], last);
    }
    if (done && g.activation.kind != Activation::linear)
      activation_forward(g.activation, c, c, (vecs - 1) * kLanes + last, Share{});
  }
}

constexpr int at_most(int limit, int wanted) { return wanted < limit ? wanted : limit; }

template <int vecs, bool whole>
void do_rows(const GemmBf16Args& g, const Steps& s, Range rows, std::int64_t j, int last) {
  std::int64_t i = rows.begin;
  for (; i + kRows <= rows.end; i += kRows) tile<kRows, vecs, whole>(g, s, i, j, last);
  switch (rows.end - i) {
    case 1:
      return tile<1, vecs, whole>(g, s, i, j, last);
    case 2:
      return tile<at_most(kRows, 2), vecs, whole>(g, s, i, j, last);
    case 3:
      return tile<at_most(kRows, 3), vecs, whole>(g, s, i, j, last);
    case 4:
      return tile<at_most(kRows, 4), vecs, whole>(g, s, i, j, last);
    case 5:
      return tile<at_most(kRows, 5), vecs, whole>(g, s, i, j, last);
  }
}

// From so many tiles on the weights are copied: rows a multiple of 4 KB apart throw each other out of the
// caches between one tile and the next. A stretch's copy stays in the second level.
constexpr std::int64_t kTilesWorthCopying = 6, kDepth = 512;

template <int vecs, bool whole>
void do_columns(const GemmBf16Args& g, Range rows, std::int64_t j, int last) {
  if (rows.end - rows.begin < kTilesWorthCopying * kRows)
    return do_rows<vecs, whole>(g, {g.weights + j, g.n, 0, g.k}, rows, j, last);
  constexpr std::int64_t kWidth = vecs * kLanes;
  alignas(64) std::uint16_t copy[kDepth * kWidth];
  const std::size_t bytes = static_cast<std::size_t>(2 * (kWidth - kLanes + last));
  for (std::int64_t k = 0; k == 0 || k < g.k; k += kDepth) {
    const std::int64_t depth = g.k - k < kDepth ? g.k - k : kDepth;
    for (std::int64_t p = 0; p < depth; ++p)
      __builtin_memcpy(copy + p * kWidth, g.weights + (k + p) * g.n + j, whole ? 2 * kWidth : bytes);
    do_rows<vecs, whole>(g, {copy, kWidth, k, depth}, rows, j, last);
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void to_bf16_kernel(const float* x, std::uint16_t* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    const std::uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const std::uint32_t quiet = bits >> 16 | 0x40u;
    y[i] = static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
}

void from_bf16_kernel(const std::uint16_t* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(x[i]) << 16;
    __builtin_memcpy(y + i, &bits, sizeof bits);
  }
}

void gemm_bf16_kernel(const GemmBf16Args& g, Share share) {
  const bool by_rows = g.m >= std::int64_t{8} * kRows * share.size;
  const Range rows = by_rows ? share.of(g.m, kRows) : Range{0, g.m};
  const Range cols = by_rows ? Range{0, g.n} : share.of(g.n, kLanes);
  std::int64_t j = cols.begin;
  if (g.m == 1)
    for (; j + kLoneVecs * kLanes <= cols.end; j += kLoneVecs * kLanes)
      tile<1, kLoneVecs, true>(g, {g.weights + j, g.n, 0, g.k}, 0, j, kLanes);
  for (; j + kVecs * kLanes <= cols.end; j += kVecs * kLanes) do_columns<kVecs, true>(g, rows, j, kLanes);
  for (; j + kLanes <= cols.end; j += kLanes) do_columns<1, true>(g, rows, j, kLanes);
  if (j < cols.end) do_columns<1, false>(g, rows, j, static_cast<int>(cols.end - j));
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
