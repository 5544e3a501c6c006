// What a Hopper GPU's blocks can do besides: clusters, registers that move between warpgroups.
#pragma once

namespace hotloop {
namespace {

// Whether the code in hand is compiled for sm_90a. Kernels that need it are empty otherwise, and never
// launched.
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
constexpr bool kHopper = true;
#else
constexpr bool kHopper = false;
#endif

constexpr int kWarpgroup = 128;

__device__ __forceinline__ unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

// This block's rank among the blocks of its cluster.
__device__ __forceinline__ int cluster_rank() {
  unsigned rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return static_cast<int>(rank);
}
// Waits for every thread of the cluster that has not returned; what they wrote before is seen after.
__device__ __forceinline__ void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

// The same number, of which the compiler knows nothing before this place.
__device__ __forceinline__ int kept_until_here(int x) {
  asm volatile("" : "+r"(x)::"memory");
  return x;
}
__device__ __forceinline__ float kept_until_here(float x) {
  asm volatile("" : "+f"(x)::"memory");
  return x;
}

// Each warpgroup of the block calls one of these once: what one gives back the others may take. Multiples
// of 8.
template <int registers>
__device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}

}  // namespace
}  // namespace hotloop
