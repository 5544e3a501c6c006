#include "ops/gemm_tensor/ampere_layouts.cuh"

namespace hotloop {

void gemm_bf16_ampere(const GemmTensorArgs& args, TensorBlock block) {
  multiply_block<Bf16Operands>("gemm bf16", args, block);
}

}  // namespace hotloop
