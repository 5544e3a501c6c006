// Products with one to three columns: dot products of rows, sixteen at a time, each still one chain over
// ascending k. Sixteen by sixteen numbers of the rows are transposed in registers and used at once.
#include "cpu/simd/simd.h"
#include "cpu/simd/transpose.h"
#include "ops/gemm/gemm_kernels.h"

namespace hotloop {
namespace {

constexpr int kAhead = 64;  // numbers of each row that are asked for in advance

// `deep` steps of sixteen rows, of which there are `rows`, with N columns.
template <int N>
HOTLOOP_INLINE void step(const GemmDots& d, const float* at, const float* x, int rows, int deep,
                         F32 (&acc)[N]) {
  F32 block[kLanes];
  if (rows == kLanes && deep == kLanes && !d.collide) {
    load_transposed(at, d.row, block);
  } else {
    for (int i = 0; i < kLanes; ++i) block[i] = i < rows ? load_or(at + i * d.row, deep) : splat(0.0f);
    transpose(block);
  }
#pragma GCC unroll 16
  for (int p = 0; p < kLanes; ++p) {
    if (p >= deep) break;
#pragma GCC unroll 3
    for (int j = 0; j < N; ++j) acc[j] = fma(splat(x[p * d.x_step + j * d.x_next]), block[p], acc[j]);
  }
}

template <int N>
HOTLOOP_INLINE void load_start(const GemmDots& d, std::int64_t row, int rows, F32 (&acc)[N]) {
  for (int j = 0; j < N; ++j) {
    float lanes[kLanes] = {};
    for (int i = 0; i < rows; ++i) {
      const std::int64_t c = (row + i) * d.c_row + j * d.c_next;
      lanes[i] = d.accumulate        ? d.c[c]
                 : d.bias != nullptr ? d.bias[(row + i) * d.bias_row + j * d.bias_next]
                                     : 0;
    }
    acc[j] = load(lanes);
  }
}

template <int N>
HOTLOOP_INLINE void store_result(const GemmDots& d, std::int64_t row, int rows, F32 (&acc)[N]) {
  for (int j = 0; j < N; ++j) {
    float lanes[kLanes];
    store(lanes, d.relu ? max(splat(0.0f), acc[j]) : acc[j]);
    for (int i = 0; i < rows; ++i) d.c[(row + i) * d.c_row + j * d.c_next] = lanes[i];
  }
}

// Groups of sixteen rows, so that the chains of one fill the gaps of the other.
template <int Groups, int N>
void dots(const GemmDots& d, std::int64_t row, int last) {
  const float* a = d.rows + row * d.row;
  const std::int64_t group = kLanes * d.row;
  F32 acc[Groups][N];
#pragma GCC unroll 2
  for (int i = 0; i < Groups; ++i) load_start<N>(d, row + i * kLanes, i + 1 < Groups ? kLanes : last, acc[i]);
  std::int64_t p = 0;
  for (; p + kLanes <= d.k; p += kLanes) {
    // Where rows collide, what is fetched so early is gone again before it is used.
    if (p + kAhead < d.k && !d.collide)
      for (int i = 0; i < (Groups - 1) * kLanes + last; ++i) __builtin_prefetch(a + p + kAhead + i * d.row);
#pragma GCC unroll 2
    for (int i = 0; i < Groups; ++i)
      step<N>(d, a + p + i * group, d.x + p * d.x_step, i + 1 < Groups ? kLanes : last, kLanes, acc[i]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < Groups; ++i) {
    const int rows = i + 1 < Groups ? kLanes : last;
    if (p < d.k) step<N>(d, a + p + i * group, d.x + p * d.x_step, rows, static_cast<int>(d.k - p), acc[i]);
    store_result<N>(d, row + i * kLanes, rows, acc[i]);
  }
}

template <int N>
void all_dots(const GemmDots& d) {
  std::int64_t row = 0;
  for (; row + 2 * kLanes <= d.m; row += 2 * kLanes) dots<2, N>(d, row, kLanes);
  for (; row < d.m; row += kLanes)
    dots<1, N>(d, row, static_cast<int>(d.m - row < kLanes ? d.m - row : kLanes));
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_dots_kernel(const GemmDots& dots) {
  if (dots.n == 1) return all_dots<1>(dots);
  if (dots.n == 2) return all_dots<2>(dots);
  all_dots<3>(dots);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
