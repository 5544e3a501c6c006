#include "ops/gemm_tensor/ampere_layouts.cuh"

namespace hotloop {

void gemm_tf32_ampere(const GemmTensorArgs& args, TensorBlock block) {
  multiply_block<Tf32Operands>("gemm tf32", args, block);
}

}  // namespace hotloop
