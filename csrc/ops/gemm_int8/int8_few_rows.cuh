// Products with few rows, which wait for the weights alone: a warp for each two columns, its lanes side by
// side along k.
#pragma once
#include "cuda/device/dot4.h"
#include "cuda/launch.h"
#include "ops/gemm_tensor/epilogue.cuh"

namespace hotloop {
namespace {

constexpr std::int64_t kFewRows = 8;
constexpr int kFewRowsThreads = 128, kLaneBytes = 16;

__device__ __forceinline__ uint4 sixteen_bytes(const void* from) { return *static_cast<const uint4*>(from); }
__device__ __forceinline__ int dot16(const uint4& a, const uint4& b, int sum) {
  return dot4(a.w, b.w, dot4(a.z, b.z, dot4(a.y, b.y, dot4(a.x, b.x, sum))));
}

// rows >= m; those beyond m read the last one again.
template <int rows>
__global__ void __launch_bounds__(kFewRowsThreads) few_rows_kernel(const Int8Epilogue epilogue) {
  const GemmInt8Args& g = epilogue.g;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t warp = (std::int64_t{blockIdx.x} * kFewRowsThreads + threadIdx.x) / 32,
                     column = 2 * warp;
  if (column >= g.n) return;
  const std::int64_t depth = placed_depth_s8(g.k), other = column + 1 < g.n ? column + 1 : column;
  int sum[rows][2] = {};
#pragma unroll(rows == 1 ? 4 : 2)
  for (std::int64_t k = lane * kLaneBytes; k < depth; k += 32 * kLaneBytes) {
    const uint4 first = sixteen_bytes(g.weights + column * depth + k);
    const uint4 second = sixteen_bytes(g.weights + other * depth + k);
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      const uint4 a = sixteen_bytes(g.a + (i < g.m ? i : g.m - 1) * g.a_row + k);
      sum[i][0] = dot16(a, first, sum[i][0]);
      sum[i][1] = dot16(a, second, sum[i][1]);
    }
  }
  int mine[2] = {};  // lane i's are those of row i
#pragma unroll
  for (int i = 0; i < rows; ++i)
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      auto total = static_cast<unsigned>(sum[i][j]);
#pragma unroll
      for (int step = 16; step > 0; step /= 2) total += __shfl_xor_sync(0xffffffffu, total, step);
      if (lane == i) mine[j] = static_cast<int>(total);
    }
  if (lane < rows) epilogue(lane, column, mine[0], mine[1]);
}

// Whole pieces of 16 bytes are read, of the rows as well.
inline bool few_rows_take(const GemmInt8Args& g) {
  return g.weights_are_placed && g.m <= kFewRows && g.k % kLaneBytes == 0 && g.a_row % kLaneBytes == 0 &&
         reinterpret_cast<std::uintptr_t>(g.a) % kLaneBytes == 0;
}

template <int rows>
void launch_few_rows(const GemmInt8Args& g) {
  const std::int64_t threads = (g.n + 1) / 2 * 32;
  cuda::launch(
      "gemm int8", few_rows_kernel<rows>,
      {dim3(static_cast<unsigned>(cuda::divide_up(threads, kFewRowsThreads))), dim3(kFewRowsThreads)},
      Int8Epilogue(g));
}
inline void multiply_few_rows(const GemmInt8Args& g) {
  if (g.m == 1)
    launch_few_rows<1>(g);
  else if (g.m <= 4)
    launch_few_rows<4>(g);
  else
    launch_few_rows<8>(g);
}

}  // namespace
}  // namespace hotloop
