// The copy engine: boxes of a matrix in global memory into shared memory.
#pragma once
#include <cuda.h>

#include <cstdint>

#include "cuda/device/mbarrier.h"

namespace hotloop {
namespace {

__device__ __forceinline__ void tma_prefetch(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(reinterpret_cast<std::uint64_t>(map)) : "memory");
}

// The box whose first element is at (inner, outer), which may lie outside: what does is zero. The barrier, of
// this block, gets the box's bytes. `to`: aligned to 1 KB, as the swizzle counts from there.
__device__ __forceinline__ void tma_load(void* to, const CUtensorMap* map, int inner, int outer,
                                         Mbarrier* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
      "%3}], "
      "[%4];" ::"r"(shared_address(to)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(inner), "r"(outer), "r"(shared_address(barrier))
      : "memory");
}

// The same into each block of the cluster whose bit is set, at the same place there, with news to its own
// barrier.
__device__ __forceinline__ void tma_load_multicast(void* to, const CUtensorMap* map, int inner, int outer,
                                                   Mbarrier* barrier, std::uint16_t blocks) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%2, %3}], [%4], %5;" ::"r"(shared_address(to)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(inner), "r"(outer), "r"(shared_address(barrier)),
      "h"(blocks)
      : "memory");
}

}  // namespace
}  // namespace hotloop
