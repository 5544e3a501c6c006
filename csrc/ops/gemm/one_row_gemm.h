// One row times a packed matrix, with all that may stand behind it in a frozen chain of layers: bias,
// normalisation, relu. Bits are those of gemm, batch_norm_infer and activation_forward after each other; what
// is saved is their calls, and that a row of numbers goes through memory after each.
#pragma once
#include <cstdint>

#include "cpu/isa.h"

namespace hotloop {

// y = relu((relu(x B + bias) - center) * factor + offset), what is not asked for left out.
struct OneRowGemm {
  std::int64_t n = 0, k = 0;
  const float* b = nullptr;                                             // packed by gemm_pack_b
  const float* bias = nullptr;                                          // n, or null
  bool relu_first = false;                                              // right behind the bias
  const float *center = nullptr, *factor = nullptr, *offset = nullptr;  // n each, or all null
  bool relu = false;
};

void one_row_gemm(const OneRowGemm& g, const float* x, float* y);

HOTLOOP_PER_ISA(void one_row_gemm_kernel(const OneRowGemm& g, const float* x, float* y);)

}  // namespace hotloop
