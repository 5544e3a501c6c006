// Four products of bytes at once.
#pragma once

namespace hotloop {
namespace {

// sum + the four unsigned bytes of a times the four signed ones of b.
__device__ __forceinline__ int dot4(unsigned a, unsigned b, int sum) {
  asm("dp4a.u32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

}  // namespace
}  // namespace hotloop
