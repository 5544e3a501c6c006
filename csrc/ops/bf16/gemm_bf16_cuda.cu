// float32 times bfloat16 weights with the CPU's bits: one chain of fused multiply-adds for each number of C.
#include "cuda/launch.h"
#include "ops/bf16/bf16.h"
#include "ops/gemm_tensor/epilogue.cuh"

namespace hotloop {
namespace {

// A block makes kSide x kSide of C, a thread 4 x 4 of them; rows and columns of a thread lie 16 apart.
constexpr int kSide = 64, kDepth = 16, kThreads = 256, kEach = 4, kApart = 16;

__global__ void __launch_bounds__(kThreads) widened_kernel(const GemmBf16Args g) {
  __shared__ float a[kDepth][kSide + 1], w[kDepth][kSide];
  const int thread = static_cast<int>(threadIdx.x), down = thread / kApart, across = thread % kApart;
  const std::int64_t row = std::int64_t{blockIdx.y} * kSide, column = std::int64_t{blockIdx.x} * kSide;
  float sum[kEach][kEach];
#pragma unroll
  for (int j = 0; j < kEach; ++j) {
    const std::int64_t at = column + across + j * kApart;
    const float start = g.bias != nullptr && at < g.n ? g.bias[at] : 0.0f;
#pragma unroll
    for (int i = 0; i < kEach; ++i) sum[i][j] = start;
  }
  for (std::int64_t k = 0; k < g.k; k += kDepth) {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const std::int64_t from = row + down + i * kApart, depth = k + across;
      a[across][down + i * kApart] = from < g.m && depth < g.k ? g.a[from * g.a_row + depth] : 0.0f;
      const int line = thread / kSide + i * (kThreads / kSide), at = thread % kSide;
      const bool there = k + line < g.k && column + at < g.n;
      w[line][at] = there ? widened_bf16(g.weights[(k + line) * g.n + column + at]) : 0.0f;
    }
    __syncthreads();
    const int depth = g.k - k < kDepth ? static_cast<int>(g.k - k) : kDepth;
    for (int d = 0; d < depth; ++d) {
      float left[kEach], right[kEach];
#pragma unroll
      for (int i = 0; i < kEach; ++i) left[i] = a[d][down + i * kApart], right[i] = w[d][across + i * kApart];
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kEach; ++j) sum[i][j] = __fmaf_rn(left[i], right[j], sum[i][j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i)
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      const std::int64_t r = row + down + i * kApart, c = column + across + j * kApart;
      if (r < g.m && c < g.n) g.c[r * g.c_row + c] = sum[i][j];
    }
  if (g.activation.kind == Activation::linear) return;
    // Each thread its own numbers, one by one: a call between the sums would push them out of the registers.
#pragma unroll 1
  for (int i = 0; i < kEach * kEach; ++i) {
    const std::int64_t r = row + down + i / kEach * kApart, c = column + across + i % kEach * kApart;
    if (r >= g.m || c >= g.n) continue;
    float value = g.c[r * g.c_row + c], nothing = 0.0f;
    activate(g.activation, value, nothing);
    g.c[r * g.c_row + c] = value;
  }
}

}  // namespace

namespace cuda {

void gemm_bf16_kernel(const GemmBf16Args& g, Share) {
  // Rows by the narrower side of a grid in turns.
  constexpr std::int64_t kMostRows = std::int64_t{65535} * kSide;
  for (std::int64_t first = 0; first < g.m; first += kMostRows) {
    GemmBf16Args part = g;
    part.a += first * g.a_row, part.c += first * g.c_row;
    part.m = g.m - first < kMostRows ? g.m - first : kMostRows;
    launch(
        "gemm bf16 widened", widened_kernel,
        {dim3(static_cast<unsigned>(divide_up(g.n, kSide)), static_cast<unsigned>(divide_up(part.m, kSide))),
         dim3(kThreads)},
        part);
  }
}

}  // namespace cuda
}  // namespace hotloop
