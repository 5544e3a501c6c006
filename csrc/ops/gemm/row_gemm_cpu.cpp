// One row times a matrix whose columns lie as rows in memory: sixteen dot products at a time, each still one
// chain over ascending k. Sixteen by sixteen numbers are transposed in registers and used at once.
#include "cpu/simd/simd.h"
#include "cpu/simd/transpose.h"
#include "ops/gemm/gemm_kernels.h"

namespace hotloop {
namespace {

constexpr int kAhead = 64;  // numbers of each row that are asked for in advance

// `deep` steps of sixteen products; of the rows there are `rows`.
HOTLOOP_INLINE F32 step(const float* rows_at, std::int64_t row, int rows, const float* x, std::int64_t x_step,
                        int deep, F32 acc) {
  F32 block[kLanes];
  if (rows == kLanes && deep == kLanes) {
    load_transposed(rows_at, row, block);
#pragma GCC unroll 16
    for (int p = 0; p < kLanes; ++p) acc = fma(splat(x[p * x_step]), block[p], acc);
    return acc;
  }
  for (int i = 0; i < kLanes; ++i) block[i] = i < rows ? load_or(rows_at + i * row, deep) : splat(0.0f);
  transpose(block);
  for (int p = 0; p < deep; ++p) acc = fma(splat(x[p * x_step]), block[p], acc);
  return acc;
}

HOTLOOP_INLINE F32 start_of(const GemmArgs& g, std::int64_t j, int rows) {
  if (g.accumulate) return load_or(g.c + j, rows);
  return g.bias != nullptr ? load_or(g.bias + j, rows) : splat(0.0f);
}

// Groups of sixteen rows, so that the chain of one fills the gaps of the other.
template <int Groups>
void dots(const GemmArgs& g, std::int64_t j, int last) {
  const float* b = g.b + j * g.b_col;
  const std::int64_t row = g.b_col, group = kLanes * row;
  F32 acc[Groups];
#pragma GCC unroll 2
  for (int i = 0; i < Groups; ++i) acc[i] = start_of(g, j + i * kLanes, i + 1 < Groups ? kLanes : last);
  std::int64_t p = 0;
  for (; p + kLanes <= g.k; p += kLanes) {
    if (p + kAhead < g.k)
      for (int i = 0; i < (Groups - 1) * kLanes + last; ++i) __builtin_prefetch(b + p + kAhead + i * row);
#pragma GCC unroll 2
    for (int i = 0; i < Groups; ++i)
      acc[i] = step(b + p + i * group, row, i + 1 < Groups ? kLanes : last, g.a + p * g.a_col, g.a_col,
                    kLanes, acc[i]);
  }
  const F32 zero = splat(0.0f);
#pragma GCC unroll 2
  for (int i = 0; i < Groups; ++i) {
    const int rows = i + 1 < Groups ? kLanes : last;
    if (p < g.k)
      acc[i] =
          step(b + p + i * group, row, rows, g.a + p * g.a_col, g.a_col, static_cast<int>(g.k - p), acc[i]);
    if (g.activation.kind == Activation::relu) acc[i] = max(zero, acc[i]);
    store_or(g.c + j + i * kLanes, acc[i], rows);
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemv_kernel(const GemmArgs& g) {
  std::int64_t j = 0;
  for (; j + 2 * kLanes <= g.n; j += 2 * kLanes) dots<2>(g, j, kLanes);
  for (; j < g.n; j += kLanes) dots<1>(g, j, static_cast<int>(g.n - j < kLanes ? g.n - j : kLanes));
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
