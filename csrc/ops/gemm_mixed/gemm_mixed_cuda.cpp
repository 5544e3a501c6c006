// On a GPU the tensor cores are the bfloat16 unit, and nothing is packed for them.
#include <cstring>

#include "base/error.h"
#include "ops/gemm_mixed/gemm_mixed.h"
#include "ops/gemm_tensor/gemm_tensor.h"

namespace hotloop {

Bf16Unit bf16_unit() { return Bf16Unit::tiles; }

const char* bf16_unit_name(Bf16Unit) { return "tiles"; }

Bf16Unit bf16_unit_from_name(const char* name) {
  require(std::strcmp(name, "tiles") == 0, "bfloat16 unit: a GPU has 'tiles' alone, got '", name, "'");
  return Bf16Unit::tiles;
}

bool matmul_bf16_rounds(Bf16Unit, const MatmulBf16Args&) { return true; }

std::int64_t matmul_bf16_workspace(Bf16Unit, const MatmulBf16Args&) { return 0; }

void matmul_bf16(Bf16Unit, const MatmulBf16Args& g, void*, Share) {
  GemmTensorArgs x;
  x.m = g.m, x.n = g.n, x.k = g.k;
  x.a = g.a, x.lda = g.k;
  x.b = g.b, x.ldb = g.n;
  x.c = g.c, x.c_bf16 = g.c_bf16, x.ldc = g.n;
  x.bias = g.bias, x.activation = g.activation;
  gemm_tensor(TensorType::bf16, x);
}

}  // namespace hotloop
