// Launching kernels, on the context's stream and checked. Only for .cu files.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "cuda/context.h"

namespace hotloop::cuda {

struct Grid {
  dim3 blocks, threads;
  std::size_t shared = 0;  // bytes of dynamic shared memory
  unsigned cluster = 1;    // blocks along x that run together (Hopper)
};

constexpr std::int64_t divide_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

// op: what errors call it. A grid without blocks is no work.
template <class... P, class... A>
void launch(const char* op, void (*kernel)(P...), const Grid& grid, A&&... args) {
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;
  // Without asking there are 48 KB, of which the kernel's own variables take some.
  constexpr std::size_t kUnasked = 32 * 1024;
  if (grid.shared > kUnasked)
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                               cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.shared)),
          op);
  cudaLaunchConfig_t config = {};
  config.gridDim = grid.blocks;
  config.blockDim = grid.threads;
  config.dynamicSmemBytes = grid.shared;
  config.stream = context().stream;
  cudaLaunchAttribute cluster;
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {grid.cluster, 1, 1};
  if (grid.cluster > 1) config.attrs = &cluster, config.numAttrs = 1;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<A>(args)...), op);
  launched(op);
}

// each.store(i, each.load(i)) for every element of n. A thread takes four that are a block apart: loads of a
// warp lie side by side, and four are on their way at once. All come before the first store, which might be
// to where the next load is from, for all that a compiler knows.
template <class F>
__global__ void __launch_bounds__(256) elements_kernel(F each, std::int64_t n) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * 4 * blockDim.x + threadIdx.x;
  decltype(each.load(first)) loaded[4] = {};
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const std::int64_t i = first + j * static_cast<std::int64_t>(blockDim.x);
    if (i < n) loaded[j] = each.load(i);
  }
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const std::int64_t i = first + j * static_cast<std::int64_t>(blockDim.x);
    if (i < n) each.store(i, loaded[j]);
  }
}
// each: a struct whose functions are __device__; what it points to is device memory.
template <class F>
void launch_elements(const char* op, std::int64_t n, const F& each) {
  launch(op, elements_kernel<F>, {dim3(static_cast<unsigned>(divide_up(n, 1024))), dim3(256)}, each, n);
}

}  // namespace hotloop::cuda
