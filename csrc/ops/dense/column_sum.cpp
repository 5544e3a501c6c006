#include "ops/dense/column_sum.h"

namespace hotloop {

void column_sum(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                std::int64_t cols, Share share) {
  HOTLOOP_SELECT(column_sum_kernel)(x, x_row, sums, accumulate, rows, cols, share);
}

}  // namespace hotloop
