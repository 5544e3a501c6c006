// A single row: weights are read once and used once, so many columns go side by side, and their sums become
// bytes or floats without having been in memory.
#include "cpu/simd/simd.h"
#include "ops/gemm_int8/gemm_int8_kernels.h"
#include "ops/gemm_int8/int8_finish_tile.h"

namespace hotloop {
namespace {

// Vectors of 16 columns at a time, and chains of sums in all: with fewer, each would wait for its last step.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kMostVectors = 8, kChains = 16;
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kMostVectors = 2, kChains = 4;
#else
constexpr int kMostVectors = 1, kChains = 2;
#endif

template <int vectors, bool relu, bool scaled>
HOTLOOP_INLINE void finish_row(const GemmInt8Args& g, std::int64_t first, int last,
                               const I32 (&sums)[vectors]) {
  const ByteSteps steps(g);
  const F32 zero = splat(0.0f);
  auto* const bytes = static_cast<std::uint8_t*>(g.c) + first;
  auto* const floats = static_cast<float*>(g.c) + first;
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const int n = v + 1 < vectors ? kLanes : last;
    const F32 value = Columns<false>(g, first + v * kLanes, n).value(g, sums[v], 0);
    if (g.output == Int8Output::u8)
      steps.put(bytes + v * kLanes, steps.of<relu, scaled>(value), n);
    else
      store_or(floats + v * kLanes, relu ? max(value, zero) : value, n);
  }
}

// last: how many columns the last vector has.
template <int vectors, bool relu, bool scaled>
void columns(const GemmInt8Args& g, std::int64_t first, int last) {
  constexpr int ways = kChains / vectors > 4 ? 4 : kChains / vectors;
  const std::int64_t groups = g.k / 4, panel = (g.k + 3) / 4 * 64;
  const std::int8_t* weights = g.weights + first / kLanes * panel;
  const std::uint8_t* a = g.a;
  I32 sums[ways][vectors];
#pragma GCC unroll 4
  for (int w = 0; w < ways; ++w)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[w][v] = splat(0);
  std::int64_t group = 0;
  for (; group + ways <= groups; group += ways, a += 4 * ways, weights += 64 * ways)
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w) {
      const U8x4 four = splat_u8x4(a + 4 * w);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v)
        sums[w][v] = dot4(sums[w][v], four, load_s8x64(weights + v * panel + w * 64));
    }
  // Groups that `ways` does not divide, and a last one of 1 to 3 bytes: the row ends there.
  for (std::int64_t left = g.k - group * 4; left > 0; left -= 4, a += 4, weights += 64) {
    std::uint8_t bytes[4] = {};
    for (int i = 0; left < 4 && i < left; ++i) bytes[i] = a[i];
    const U8x4 four = splat_u8x4(left < 4 ? bytes : a);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[0][v] = dot4(sums[0][v], four, load_s8x64(weights + v * panel));
  }
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v)
#pragma GCC unroll 4
    for (int w = 1; w < ways; ++w) sums[0][v] = sums[0][v] + sums[w][v];
  finish_row<vectors, relu, scaled>(g, first, last, sums[0]);
}

// So many vectors at a time, then half as many for the rest.
template <int vectors, bool relu, bool scaled>
HOTLOOP_INLINE void all_columns(const GemmInt8Args& g, std::int64_t first, std::int64_t end) {
  constexpr std::int64_t before_last = (vectors - 1) * kLanes;
  for (; end - first > before_last; first += vectors * kLanes) {
    const std::int64_t last = end - first - before_last;
    columns<vectors, relu, scaled>(g, first, last < kLanes ? static_cast<int>(last) : kLanes);
  }
  if constexpr (vectors > 1)
    if (first < end) all_columns<vectors / 2, relu, scaled>(g, first, end);
}

template <bool relu>
HOTLOOP_INLINE void row(const GemmInt8Args& g, Range cols) {
  if (g.out_inverse_scale == 1.0f)
    all_columns<kMostVectors, relu, false>(g, cols.begin, cols.end);
  else
    all_columns<kMostVectors, relu, true>(g, cols.begin, cols.end);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void one_row_gemm_int8_kernel(const GemmInt8Args& g, Range cols) {
  g.activation.kind == Activation::relu ? row<true>(g, cols) : row<false>(g, cols);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
