// Packing for every bfloat16 unit, and the product by dot products of pairs. Tiles of C are kRows x 1 to
// kMostPanels panels of columns, summed over all of k in registers.
#include "cpu/simd/bf16_pairs.h"
#include "cpu/simd/simd.h"
#include "cpu/simd/transpose.h"
#include "ops/gemm_mixed/gemm_mixed_kernels.h"

namespace hotloop {
namespace {

HOTLOOP_INLINE std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

HOTLOOP_INLINE void turn(I32 (&x)[16]) {
  F32 lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = as_float(x[i]);
  transpose(lanes);
  for (int i = 0; i < 16; ++i) x[i] = as_int(lanes[i]);
}

// One tile: `count` rows or columns by `depth` numbers of k, zeros beyond them.
template <bool k_is_next, bool turned, class T>
HOTLOOP_INLINE void pack_tile(const T* x, std::int64_t stride, int count, int depth, std::uint16_t* tile) {
  I32 pairs[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    if constexpr (k_is_next) {
      pairs[i] = i < count ? pairs_of(x + i * stride, depth) : splat(0);
    } else {
      const T *even = x + 2 * i * stride, *odd = even + stride;
      pairs[i] = 2 * i + 1 < depth ? pairs_of(even, odd, count)
                 : 2 * i < depth   ? first_of_pairs(even, count)
                                   : splat(0);
    }
  }
  if constexpr (turned) turn(pairs);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) store_i32(reinterpret_cast<std::int32_t*>(tile + i * 32), pairs[i]);
}

template <bool k_is_next, bool turned, class T>
void pack(const T* x, const MixedSource& from, std::uint16_t* packed, Range panels) {
  const std::int64_t panel = from.panel > 0 ? from.panel : mixed_panel_size(from.k);
  const std::int64_t stride = k_is_next ? from.count_stride : from.k_stride;
  // Where columns are next to each other, neighbouring panels read the two halves of one cache line; where k
  // is, sixteen rows are streams enough.
  constexpr std::int64_t kTogether = k_is_next ? 1 : 64;
  for (std::int64_t first = panels.begin; first < panels.end; first += kTogether)
    for (std::int64_t k = 0; k < from.k; k += kMixedDepth)
      for (std::int64_t p = first; p < least(first + kTogether, panels.end); ++p) {
        const std::int64_t at = p * kMixedPanel;
        const T* corner = x + at * from.count_stride + k * from.k_stride;
        std::uint16_t* tile = packed + p * panel + k * kMixedPanel;
        const int count = static_cast<int>(least(kMixedPanel, from.count - at));
        const int depth = static_cast<int>(least(kMixedDepth, from.k - k));
        if (count == kMixedPanel && depth == kMixedDepth)
          pack_tile<k_is_next, turned>(corner, stride, kMixedPanel, kMixedDepth, tile);
        else
          pack_tile<k_is_next, turned>(corner, stride, count, depth, tile);
      }
}

// A's tiles hold rows of pairs, B's hold pairs of columns: each is the other turned round.
template <class T>
void pack_any(MixedSide side, const T* x, const MixedSource& from, std::uint16_t* packed, Range panels) {
  if (from.k_stride == 1) {
    if (side == MixedSide::a)
      pack<true, false>(x, from, packed, panels);
    else
      pack<true, true>(x, from, packed, panels);
  } else {
    if (side == MixedSide::a)
      pack<false, true>(x, from, packed, panels);
    else
      pack<false, false>(x, from, packed, panels);
  }
}

constexpr int kRows = 8, kMostPanels = 3;

template <int panels>
__attribute__((noinline)) void dot_tile(const GemmMixedArgs& g, std::int64_t i, std::int64_t j) {
  const std::int64_t panel = mixed_panel_size(g.k), pairs = panel / 32;
  const auto* a = reinterpret_cast<const std::int32_t*>(g.a + i / 16 * panel) + i % 16 * 16;
  const std::uint16_t* b = g.b + j / 16 * panel;
  F32 sums[kRows][panels];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 3
    for (int p = 0; p < panels; ++p) sums[r][p] = splat(0.0f);
  for (std::int64_t tile = 0; tile < pairs; tile += 16, a += 240)
    for (int q = 0; q < 16; ++q, ++a, b += 32) {
      I32 cols[panels];
#pragma GCC unroll 3
      for (int p = 0; p < panels; ++p)
        cols[p] = load_i32(reinterpret_cast<const std::int32_t*>(b + p * panel));
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const I32 row = splat(a[r * 16]);
#pragma GCC unroll 3
        for (int p = 0; p < panels; ++p) sums[r][p] = dot2(sums[r][p], row, cols[p]);
      }
    }
  const std::int64_t rows = least(kRows, g.m - i);
#pragma GCC unroll 3
  for (int p = 0; p < panels; ++p) {
    const std::int64_t col = j + p * kLanes, cols = g.n - col;
    const F32 bias = g.bias != nullptr ? load_or(g.bias + col, cols) : splat(-0.0f);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      if (r >= rows) break;
      const std::int64_t at = (i + r) * g.c_row + col;
      F32 value = sums[r][p] + bias;
      if (g.accumulate) value = value + load_or(g.c + at, cols);
      if (g.activation.kind == Activation::relu) value = max(splat(0.0f), value);  // a NaN stays
      if (g.c_bf16 != nullptr)
        store_bf16(g.c_bf16 + at, value, cols);
      else
        store_or(g.c + at, value, cols);
    }
  }
}

template <int panels>
void dot_columns(const GemmMixedArgs& g, std::int64_t j) {
  for (std::int64_t i = 0; i < g.m; i += kRows) dot_tile<panels>(g, i, j);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void mixed_pack_kernel(MixedSide side, const float* x, const MixedSource& from, std::uint16_t* packed,
                       Range panels) {
  pack_any(side, x, from, packed, panels);
}
void mixed_pack_kernel(MixedSide side, const std::uint16_t* x, const MixedSource& from, std::uint16_t* packed,
                       Range panels) {
  pack_any(side, x, from, packed, panels);
}

void gemm_mixed_kernel(const GemmMixedArgs& g, void*) {
  for (std::int64_t j = 0; j < g.n; j += kMostPanels * kLanes) {
    const std::int64_t panels = mixed_panels(g.n - j);
    if (panels >= 3)
      dot_columns<3>(g, j);
    else if (panels == 2)
      dot_columns<2>(g, j);
    else
      dot_columns<1>(g, j);
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
