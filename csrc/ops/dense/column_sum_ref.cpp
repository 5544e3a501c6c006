#include "ops/dense/column_sum.h"

namespace hotloop {

void column_sum_ref(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                    std::int64_t cols) {
  for (std::int64_t j = 0; j < cols; ++j) {
    double sum = accumulate ? sums[j] : 0.0;
    for (std::int64_t i = 0; i < rows; ++i) sum += x[i * x_row + j];
    sums[j] = static_cast<float>(sum);
  }
}

}  // namespace hotloop
