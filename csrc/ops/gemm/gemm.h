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
// How one thread would go about it, in a word or two: for tests and the curious.
const char* gemm_path(const GemmArgs& args);

// B packed once for many products. The layout is private, the same on every ISA level; packed: 64-byte
// aligned, gemm_packed_size floats. Each rank of the share packs its part, so a team meets before it is used.
std::int64_t gemm_packed_size(std::int64_t k, std::int64_t n);
void gemm_pack_b(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                 float* packed, Share share);

// A batch-reduce: C = act(A[0] B[0] + A[1] B[1] + ... + bias), each sum in the registers from the first
// product to the last; its chains run through the list in order. What a convolution is made of: a pair for
// each tap.
struct GemmBatch {
  std::int64_t m = 0, n = 0, k = 0, count = 0;  // k is that of each product, gemm_batch_depth() at most
  const float* const* a = nullptr;              // count matrices, m x k
  std::int64_t a_row = 0, a_col = 1;            // one of them 1
  const float* const* b = nullptr;              // count matrices, k x n, made by gemm_pack_b
  float* c = nullptr;
  std::int64_t c_row = 0;
  const float* bias = nullptr;
  bool accumulate = false;
  bool relu = false;
};
// On this thread, and without workspace: the caller shares out C.
void gemm_batch(const GemmBatch& batch);
std::int64_t gemm_batch_depth();

// The slow witness: the same sums in double.
void gemm_ref(const GemmArgs& args);

}  // namespace hotloop
