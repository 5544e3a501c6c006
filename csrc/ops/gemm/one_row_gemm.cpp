#include "ops/gemm/one_row_gemm.h"

namespace hotloop {

void one_row_gemm(const OneRowGemm& g, const float* x, float* y) {
  HOTLOOP_SELECT(one_row_gemm_kernel)(g, x, y);
}

}  // namespace hotloop
