// What gemm.cpp and the per-ISA kernel agree on.
#pragma once
#include "ops/gemm/gemm.h"

namespace hotloop {

// A block of B is at most this deep and this wide: half a megabyte, for the second-level cache.
constexpr std::int64_t kGemmDepth = 256, kGemmColumns = 512;
// Columns are shared out among ranks in multiples of the widest panel.
constexpr std::int64_t kGemmPanel = 64;

// The whole of args on this thread; of the activations it applies relu only.
HOTLOOP_PER_ISA(void gemm_kernel(const GemmArgs& args, float* workspace);)

}  // namespace hotloop
