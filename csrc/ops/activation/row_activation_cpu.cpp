#include "cpu/simd/rows.h"

#include "ops/activation/activation_kernels.h"
#include "ops/activation/row_activation_rows.h"

namespace hotloop {
namespace HOTLOOP_LEVEL {

void row_activation_forward_kernel(Activation kind, const float* x, float* y, std::int64_t rows,
                                   std::int64_t cols, Share share) {
  if (cols <= 0) return;
  const Range part = rows_of(share, rows, cols);
  for (std::int64_t r = part.begin; r < part.end; ++r) row_forward(kind, x, y, r, cols);
}

void row_activation_backward_kernel(Activation kind, const float* x, const float* y, const float* dy,
                                    float* dx, bool accumulate, std::int64_t rows, std::int64_t cols,
                                    Share share) {
  if (cols <= 0) return;
  const Range part = rows_of(share, rows, cols);
  for (std::int64_t r = part.begin; r < part.end; ++r) row_backward(kind, x, y, dy, dx, accumulate, r, cols);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
