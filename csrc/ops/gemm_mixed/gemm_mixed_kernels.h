// The kernels behind gemm_mixed.h, at the levels that have bfloat16 units.
#pragma once
#include "ops/gemm_mixed/gemm_mixed.h"

namespace hotloop {

// Numbers of k that a strip of one operand keeps in the first-level cache while the other runs past it.
constexpr std::int64_t kMixedStrip = 512;
// Columns of B that may stay in the second level, their unfinished sums in the workspace.
constexpr std::int64_t mixed_chunk(std::int64_t k) {
  constexpr std::int64_t kBytes = 3 << 18, kBlock = 32;
  const std::int64_t fitting = kBytes / (2 * k) / kBlock * kBlock;
  const std::int64_t pending = kMixedWorkspace / (4 * kBlock * kBlock) * kBlock;
  const std::int64_t most = k > kMixedStrip && fitting > pending ? pending : fitting;
  return most > kBlock ? most : kBlock;
}

#ifdef HOTLOOP_X86_LEVELS
namespace avx512_bf16 {
void mixed_pack_kernel(MixedSide side, const float* x, const MixedSource& from, std::uint16_t* packed,
                       Range panels);
void mixed_pack_kernel(MixedSide side, const std::uint16_t* x, const MixedSource& from, std::uint16_t* packed,
                       Range panels);
// linear or relu
void gemm_mixed_kernel(const GemmMixedArgs& args, void* workspace);
}  // namespace avx512_bf16
namespace amx {
void gemm_mixed_kernel(const GemmMixedArgs& args, void* workspace);
}  // namespace amx
#endif

}  // namespace hotloop
