// C = act(A B + bias), float32, any strides for A and B.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"
#include "ops/activation/activation.h"

namespace hotloop {

// Element strides: A[i,j] is a[i * a_row + j * a_col]; a transposed operand is one with its strides swapped.
struct GemmArgs {
  std::int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  std::int64_t a_row = 0, a_col = 1;
  const float* b = nullptr;
  std::int64_t b_row = 0, b_col = 1;
  const float* b_packed = nullptr;  // what gemm_pack_b made of all of B; b is not read then
  float* c = nullptr;
  std::int64_t c_row = 0;                         // C's columns are contiguous
  const float* bias = nullptr;                    // n numbers, or null
  bool accumulate = false;                        // start from what C holds (then bias must be null)
  ActivationArgs activation{Activation::linear};  // elementwise kinds only
};

// Each C[i,j] is one chain of fused multiply-adds in ascending k that starts from bias[j], C[i,j] or 0, so
// its bits depend on its own operands alone: not on threads, tiles, ISA level or the other rows. workspace:
// gemm_workspace(args) floats of this rank's own, 64-byte aligned.
void gemm(const GemmArgs& args, float* workspace, Share share);
std::int64_t gemm_workspace(const GemmArgs& args);

// B packed once for many products. The layout is private, the same on every ISA level; packed: 64-byte
// aligned, gemm_packed_size floats. Each rank of the share packs its part, so a team meets before it is used.
std::int64_t gemm_packed_size(std::int64_t k, std::int64_t n);
void gemm_pack_b(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                 float* packed, Share share);

// The slow witness: the same sums in double.
void gemm_ref(const GemmArgs& args);

}  // namespace hotloop
