// The engine for Ampere, and for what others don't take: cp.async, ldmatrix and mma.sync.
#pragma once
#include "ops/gemm_tensor/gemm_tensor.h"

namespace hotloop {

// The part of C that a block computes: 128 x 128, 64 x 64, or 32 x 32 with k shared out in the block.
enum class TensorBlock : std::int32_t { large, medium, small };
// The largest of which there are enough to keep the GPU busy.
TensorBlock tensor_block(std::int64_t m, std::int64_t n);
// Throws std::invalid_argument for a name that is none of theirs.
TensorBlock tensor_block_from_name(const char* name);

// Sizes are positive but for k.
void gemm_bf16_ampere(const GemmTensorArgs& args, TensorBlock block);
void gemm_tf32_ampere(const GemmTensorArgs& args, TensorBlock block);

}  // namespace hotloop
