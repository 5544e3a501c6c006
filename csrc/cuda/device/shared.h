// The block's dynamic shared memory.
#pragma once

namespace hotloop {
namespace {

// Aligned to 1 KB, as the swizzled tiles of Hopper's copy engine want it.
__device__ __forceinline__ unsigned char* dynamic_shared() {
  extern __shared__ __align__(1024) unsigned char hotloop_dynamic_shared[];
  return hotloop_dynamic_shared;
}

}  // namespace
}  // namespace hotloop
