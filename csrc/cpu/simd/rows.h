// Walking a row of n numbers in vectors, and the reductions along it. The order of every sum depends on n
// alone: lane i takes elements i, i + 16, i + 32, ..., then simd.h's fixed fold. Rows of more than 65536
// numbers are summed in blocks of these.
#pragma once
#include "base/types.h"
#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

// The rows of a share, handed out in grains of about 1024 elements.
HOTLOOP_INLINE Range rows_of(Share share, std::int64_t rows, std::int64_t cols) {
  return share.of(rows, cols < 1024 ? 1024 / cols : 1);
}

// Calls body(i, count) for i = 0, 16, 32, ..., count being 16 but for the last one. A lambda given here wants
// HOTLOOP_BODY after its parameters.
template <class Body>
HOTLOOP_INLINE void each_vector(std::int64_t n, Body body) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, kLanes);
  if (i < n) body(i, static_cast<int>(n - i));
}

// A chain of float additions stops growing at some length: row sums of more numbers than this go by blocks of
// so many.
constexpr std::int64_t kLongRow = 1 << 16;

// A row's sums: each of those that body(i, count, sums) adds to for each of its vectors.
template <int kSums>
struct RowSums {
  F32 of[kSums];
  HOTLOOP_INLINE RowSums() {
    for (int k = 0; k < kSums; ++k) of[k] = splat(0.0f);
  }
};
template <int kSums, class Body>
HOTLOOP_INLINE RowSums<kSums> sum_vectors(std::int64_t n, Body body) {
  RowSums<kSums> total;
  for (std::int64_t begin = 0; begin < n; begin += kLongRow) {
    RowSums<kSums> block;
    each_vector(n - begin < kLongRow ? n - begin : kLongRow,
                [&](std::int64_t i, int count) HOTLOOP_BODY { body(begin + i, count, block.of); });
    for (int k = 0; k < kSums; ++k) total.of[k] = total.of[k] + block.of[k];
  }
  return total;
}

// x in the first n lanes, `otherwise` in the rest.
HOTLOOP_INLINE F32 keep_first(F32 x, int n, F32 otherwise) {
  return n >= kLanes ? x : select(first_lanes(n), x, otherwise);
}

// The largest number of a row; NaNs are passed over.
HOTLOOP_INLINE float row_largest(const float* x, std::int64_t n) {
  const F32 lowest = splat(-__builtin_inff());
  F32 most = lowest;
  each_vector(n, [&](std::int64_t i, int count)
                     HOTLOOP_BODY { most = max(keep_first(load_or(x + i, count), count, lowest), most); });
  return largest(most);
}

}  // namespace
}  // namespace hotloop
