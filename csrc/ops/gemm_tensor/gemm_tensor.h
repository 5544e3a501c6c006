// Products on the GPU's tensor cores. Only in the CUDA half; all pointers are to device memory, and
// everything runs on the context's stream, without synchronising and without working memory of its own.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "ops/activation/activation.h"

namespace hotloop {

struct GemmInt8Args;

// What the operands are: bfloat16 x bfloat16, or float32 x float32, each number rounded to TF32 (to nearest,
// ties away from zero), with float32 sums; or u8 activations x s8 weights with exact int32 sums, which
// gemm_int8.h's doors use.
enum class TensorType : std::int32_t { bf16, tf32, u8s8 };

// C = act(A B + bias), or C = act(C + A B + bias). The leading dimensions count elements. Any size from 0 on
// and any alignment of whole elements is right; rows that begin at multiples of 16 bytes are fast.
struct GemmTensorArgs {
  std::int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;
  bool a_k_contiguous = true;  // stored m x k; else k x m
  std::int64_t lda = 0;
  const void* b = nullptr;
  bool b_k_contiguous = false;  // stored n x k; else k x n
  std::int64_t ldb = 0;
  float* c = nullptr;
  std::uint16_t* c_bf16 = nullptr;  // not null: C goes here instead, rounded to bfloat16
  std::int64_t ldc = 0;
  const float* bias = nullptr;                    // n numbers, or null
  bool accumulate = false;                        // start from what c holds; not with c_bf16
  ActivationArgs activation{Activation::linear};  // elementwise kinds only
};

// For bf16 and tf32. The same call gives the same bits each time: the order of a sum depends on the sizes,
// the layouts and the engine alone. The tensor cores' own additions are not IEEE float32's: within largest
// product * (k * eps + eps), roughly, not the CPU's bits.
void gemm_tensor(TensorType type, const GemmTensorArgs& args);

// Which code multiplies: `hopper` (TMA and wgmma, capability 9.0) where it takes the operands, else `ampere`
// (cp.async, ldmatrix and mma.sync, 8.0 and up). HOTLOOP_CUDA_ENGINE=ampere|hopper asks for one by name; it
// is read at each call, and what hopper doesn't take still goes by ampere. Throws std::invalid_argument for
// another name, cuda::Error for an engine that the GPU lacks.
enum class TensorEngine { ampere, hopper };
TensorEngine tensor_engine(TensorType type, const GemmTensorArgs& args);
TensorEngine tensor_engine(const GemmInt8Args& args);
const char* tensor_engine_name(TensorEngine engine);

}  // namespace hotloop
