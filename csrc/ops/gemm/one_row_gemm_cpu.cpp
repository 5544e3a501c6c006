// A single row reads every weight once and uses it once, so all that counts is to keep loads under way: many
// columns side by side, each a chain over ascending k of its own. (Asking for lines ahead was no faster.)
#include "ops/gemm/one_row_gemm.h"

#include "cpu/simd/simd.h"
#include "ops/gemm/gemm_kernels.h"

namespace hotloop {
namespace {

// Vectors of columns at a time: a chain waits for its last step, and fewer at once would let that be seen.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kMostVectors = 8;
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kMostVectors = 4;
#else
constexpr int kMostVectors = 2;
#endif

HOTLOOP_INLINE F32 load_some(const float* p, bool whole, int last) {
  return whole ? load(p) : load_or(p, last);
}

// last: how many columns the last vector has.
template <int vectors>
void columns(const OneRowGemm& g, const float* x, float* y, std::int64_t first, int last) {
  F32 sum[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v)
    sum[v] = g.bias != nullptr ? load_some(g.bias + first + v * kLanes, v + 1 < vectors, last) : splat(0.0f);
  const std::int64_t blocks = g.k > 0 ? (g.k + kGemmDepth - 1) / kGemmDepth : 0;
  const std::int64_t padded = round_up(g.n, kLanes);
  const std::int64_t width = g.n - first > kLanes ? kGemmPacked : kLanes;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t begin = g.k * i / blocks, depth = g.k * (i + 1) / blocks - begin;
    const float* b = g.b + begin * padded + first * depth;
    const std::int64_t pair = kGemmPacked * depth;
    for (std::int64_t p = begin; p < begin + depth; ++p, b += width) {
      const F32 number = splat(x[p]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        const float* const at = b + v / 2 * pair + v % 2 * kLanes;
        sum[v] = fma(number, load(at), sum[v]);
      }
    }
  }
  const F32 zero = splat(0.0f);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const std::int64_t at = first + v * kLanes;
    const bool whole = v + 1 < vectors;
    if (g.relu_first) sum[v] = max(zero, sum[v]);
    if (g.factor != nullptr)
      sum[v] = fma(sum[v] - load_some(g.center + at, whole, last), load_some(g.factor + at, whole, last),
                   load_some(g.offset + at, whole, last));
    if (g.relu) sum[v] = max(zero, sum[v]);
    if (whole)
      store(y + at, sum[v]);
    else
      store_or(y + at, sum[v], last);
  }
}

// Columns from `first` on, so many vectors at a time, then half as many for the rest.
template <int vectors>
HOTLOOP_INLINE void all_columns(const OneRowGemm& g, const float* x, float* y, std::int64_t first) {
  constexpr std::int64_t before_last = (vectors - 1) * kLanes;
  for (; g.n - first > before_last; first += vectors * kLanes) {
    const std::int64_t last = g.n - first - before_last;
    columns<vectors>(g, x, y, first, last < kLanes ? static_cast<int>(last) : kLanes);
  }
  if constexpr (vectors > 1)
    if (first < g.n) all_columns<vectors / 2>(g, x, y, first);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void one_row_gemm_kernel(const OneRowGemm& g, const float* x, float* y) {
  all_columns<kMostVectors>(g, x, y, 0);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
