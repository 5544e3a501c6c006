// The engine for Hopper: TMA fills the ring of tiles, wgmma multiplies.
#pragma once
#include "ops/gemm_int8/gemm_int8.h"
#include "ops/gemm_tensor/gemm_tensor.h"

namespace hotloop {

// Whether these operands suit it: their alignment is what TMA wants, and there is work enough for its tiles.
// The GPU's capability is looked at elsewhere.
bool hopper_takes(TensorType type, const GemmTensorArgs& args);
void gemm_tensor_hopper(TensorType type, const GemmTensorArgs& args);
void gemm_bf16_hopper(const GemmTensorArgs& args);

// The same for int8: args.weights are placed, [n][placed_depth_s8(k)].
bool hopper_takes_int8(const GemmInt8Args& args);
void gemm_int8_hopper(const GemmInt8Args& args);

}  // namespace hotloop
