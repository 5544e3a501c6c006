// cpu/simd/rows.h for half warps: walking a row of n numbers in vectors, and the reductions along it.
#pragma once
#include "cuda/device/lanes.h"

namespace hotloop {
namespace {

// Calls body(i, count) for i = 0, 16, 32, ..., count being 16 but for the last one.
template <class Body>
HOTLOOP_INLINE void each_vector(std::int64_t n, Body body) {
  for (std::int64_t i = 0; i < n; i += kLanes) body(i, n - i < kLanes ? static_cast<int>(n - i) : kLanes);
}

// A chain of float additions stops growing at some length: row sums of more numbers than this go by blocks of
// so many.
constexpr std::int64_t kLongRow = 1 << 16;

// A row's sums: each of those that body(i, count, sums) adds to for each of its vectors. In one loop: one in
// another, as cpu/simd/rows.h has it, takes up to 16 registers more, and some kernels had none left.
template <int kSums>
struct RowSums {
  F32 of[kSums];
  HOTLOOP_INLINE RowSums() {
    for (int k = 0; k < kSums; ++k) of[k] = splat(0.0f);
  }
};
template <int kSums, class Body>
HOTLOOP_INLINE RowSums<kSums> sum_vectors(std::int64_t n, Body body) {
  RowSums<kSums> total, block;
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    body(i, count, block.of);
    if ((i + kLanes) % kLongRow == 0) {
      for (int k = 0; k < kSums; ++k) {
        total.of[k] = total.of[k] + block.of[k];
        block.of[k] = splat(0.0f);
      }
    }
  });
  for (int k = 0; k < kSums; ++k) total.of[k] = total.of[k] + block.of[k];
  return total;
}

// x in the first n lanes, `otherwise` in the rest.
HOTLOOP_INLINE F32 keep_first(F32 x, int n, F32 otherwise) { return select(first_lanes(n), x, otherwise); }

// The largest number of a row; NaNs are passed over.
HOTLOOP_INLINE float row_largest(const float* x, std::int64_t n) {
  const F32 lowest = splat(-__builtin_inff());
  F32 most = lowest;
  each_vector(n, [&](std::int64_t i, int count) {
    most = max(keep_first(load_or(x + i, count), count, lowest), most);
  });
  return largest(most);
}

// The half warps of a launch, numbered: each takes rows half_warp_number(), + half_warp_count(), ...
HOTLOOP_INLINE std::int64_t half_warp_number() {
  return (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / kLanes;
}
HOTLOOP_INLINE std::int64_t half_warp_count() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x / kLanes;
}

}  // namespace
}  // namespace hotloop
