#include "cpu/simd/simd.h"
#include "ops/dense/column_sum.h"

namespace hotloop {
namespace {

// NV vectors of columns at once: enough independent additions to hide their latency.
template <int NV>
HOTLOOP_INLINE void sum_columns(const float* x, std::int64_t x_row, float* sums, bool accumulate,
                                std::int64_t rows, std::int64_t last) {
  F32 total[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j)
    total[j] = accumulate ? load_or(sums + j * kLanes, j + 1 < NV ? kLanes : last) : splat(0.0f);
  for (std::int64_t begin = 0; begin < rows; begin += kColumnBlock) {
    const std::int64_t end = begin + kColumnBlock < rows ? begin + kColumnBlock : rows;
    F32 acc[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[j] = splat(0.0f);
    for (std::int64_t i = begin; i < end; ++i, x += x_row) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[j] = acc[j] + load_or(x + j * kLanes, j + 1 < NV ? kLanes : last);
    }
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) total[j] = total[j] + acc[j];
  }
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) store_or(sums + j * kLanes, total[j], j + 1 < NV ? kLanes : last);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void column_sum_kernel(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                       std::int64_t cols, Share share) {
  const Range mine = share.of(cols, kLanes);
  std::int64_t j = mine.begin;
  for (; mine.end - j >= 4 * kLanes; j += 4 * kLanes)
    sum_columns<4>(x + j, x_row, sums + j, accumulate, rows, kLanes);
  for (; j < mine.end; j += kLanes) sum_columns<1>(x + j, x_row, sums + j, accumulate, rows, mine.end - j);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
