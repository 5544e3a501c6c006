// The block's dynamic shared memory.
#pragma once

namespace hotloop {
namespace {

// Aligned to 1 KB, as the swizzled tiles of Hopper's copy engine want it.
__device__ __forceinline__ unsigned char* dynamic_shared() {
  extern __shared__ __align__(1024) unsigned char hotloop_dynamic_shared[];
  return hotloop_dynamic_shared;
}

// Four neighbours to shared memory in one access, which compilers don't always make of an assignment.
__device__ __forceinline__ void store_shared(float* p, float a, float b, float c, float d) {
  asm volatile(
      "st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(p))),
      "f"(a), "f"(b), "f"(c), "f"(d)
      : "memory");
}

}  // namespace
}  // namespace hotloop
