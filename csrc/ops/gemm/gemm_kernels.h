// What gemm.cpp and the per-ISA kernel agree on.
#pragma once
#include "ops/gemm/gemm.h"

namespace hotloop {

// Rows of B taken at a time: a packed panel of this height stays in the first-level cache.
constexpr std::int64_t kGemmDepth = 256;
// Columns of the widest panel on any ISA level.
constexpr std::int64_t kGemmPanel = 64;

// The whole of args on this thread; of the activations it applies relu only.
// workspace: kGemmDepth * kGemmPanel floats.
HOTLOOP_PER_ISA(void gemm_kernel(const GemmArgs& args, float* workspace);)

}  // namespace hotloop
