#include "ops/gemm_tensor/gemm_tensor_hopper.h"

#include "ops/gemm_tensor/hopper_launch.cuh"

namespace hotloop {
namespace {

HopperOperand int8_activations(const GemmInt8Args& g) {
  return {cuda::MapType::u8, g.a, g.m, g.k, g.a_row, true};
}
HopperOperand int8_weights(const GemmInt8Args& g) {
  return {cuda::MapType::u8, g.weights, g.n, g.k, placed_depth_s8(g.k), true};
}

}  // namespace

bool hopper_takes(TensorType type, const GemmTensorArgs& g) {
  const bool bf16 = type == TensorType::bf16;
  // wgmma reads float32 with k along the rows only.
  if (!bf16 && !(type == TensorType::tf32 && g.a_k_contiguous && g.b_k_contiguous)) return false;
  const cuda::MapType map = bf16 ? cuda::MapType::bf16 : cuda::MapType::tf32;
  return enough_for_hopper(g.m, g.n, g.k) && copy_engine_takes(hopper_a(map, g)) &&
         copy_engine_takes(hopper_b(map, g));
}

void gemm_tensor_hopper(TensorType type, const GemmTensorArgs& g) {
  if (type == TensorType::bf16)
    gemm_bf16_hopper(g);
  else
    run_hopper_floats<Tf32Product>("gemm tf32", cuda::MapType::tf32, g);
}

bool hopper_takes_int8(const GemmInt8Args& g) {
  return g.weights_are_placed && enough_for_hopper(g.m, g.n, g.k) && copy_engine_takes(int8_activations(g)) &&
         copy_engine_takes(int8_weights(g));
}

void gemm_int8_hopper(const GemmInt8Args& g) {
  const bool plain = g.output == Int8Output::s32 || g.activation.kind == Activation::linear ||
                     g.activation.kind == Activation::relu;
  if (plain)
    run_hopper<Int8Product>("gemm int8", int8_activations(g), int8_weights(g), Int8Finish<false>(g));
  else
    run_hopper<Int8Product>("gemm int8", int8_activations(g), int8_weights(g), Int8Finish<true>(g));
}

}  // namespace hotloop
