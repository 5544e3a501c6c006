// What gemm_cuda.cpp and the kernels of the CUDA half agree on.
#pragma once
#include "ops/gemm/gemm.h"

namespace hotloop {

// The part of C that a block of threads computes: rows x columns.
enum class GemmTile : std::int32_t { t128x256, t128x128, t64x64, t32x32, t16x16, t64x16, t8x32 };

namespace cuda {

// The product by tiles of this size; args.b_packed is null. Which one never changes a bit of C.
void gemm_kernel(const GemmArgs& args, GemmTile tile);
// packed[i * n + j] = B[i, j].
void gemm_pack_kernel(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                      float* packed);

}  // namespace cuda
}  // namespace hotloop
