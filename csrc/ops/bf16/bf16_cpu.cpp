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

// `last` is how many columns of the last vector exist; `whole` says that all do.
template <int rows, int vecs, bool whole>
__attribute__((noinline)) void tile(const GemmBf16Args& g, std::int64_t i, std::int64_t j, int last) {
  const float* a = g.a + i * g.a_row;
  const std::uint16_t* w = g.weights + j;
  F32 acc[rows][vecs];
#pragma GCC unroll 8
  for (int v = 0; v < vecs; ++v) {
    F32 start = splat(0.0f);
    if (g.bias != nullptr)
      start = whole || v + 1 < vecs ? load(g.bias + j + v * kLanes) : load(g.bias + j + v * kLanes, last);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) acc[r][v] = start;
  }
  for (std::int64_t k = 0; k < g.k; ++k, w += g.n) {
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
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
    float* c = g.c + (i + r) * g.c_row + j;
#pragma GCC unroll 8
    for (int v = 0; v < vecs; ++v) {
      if (whole || v + 1 < vecs)
        store(c + v * kLanes, acc[r][v]);
      else
        store(c + v * kLanes, acc[r][v], last);
    }
    if (g.activation.kind != Activation::linear)
      activation_forward(g.activation, c, c, (vecs - 1) * kLanes + last, Share{});
  }
}

constexpr int at_most(int limit, int wanted) { return wanted < limit ? wanted : limit; }

template <int vecs, bool whole>
void do_columns(const GemmBf16Args& g, Range rows, std::int64_t j, int last) {
  std::int64_t i = rows.begin;
  for (; i + kRows <= rows.end; i += kRows) tile<kRows, vecs, whole>(g, i, j, last);
  switch (rows.end - i) {
    case 1:
      return tile<1, vecs, whole>(g, i, j, last);
    case 2:
      return tile<at_most(kRows, 2), vecs, whole>(g, i, j, last);
    case 3:
      return tile<at_most(kRows, 3), vecs, whole>(g, i, j, last);
    case 4:
      return tile<at_most(kRows, 4), vecs, whole>(g, i, j, last);
    case 5:
      return tile<at_most(kRows, 5), vecs, whole>(g, i, j, last);
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
      tile<1, kLoneVecs, true>(g, 0, j, kLanes);
  for (; j + kVecs * kLanes <= cols.end; j += kVecs * kLanes) do_columns<kVecs, true>(g, rows, j, kLanes);
  for (; j + kLanes <= cols.end; j += kLanes) do_columns<1, true>(g, rows, j, kLanes);
  if (j < cols.end) do_columns<1, false>(g, rows, j, static_cast<int>(cols.end - j));
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
