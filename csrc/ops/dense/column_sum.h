// Sums down the columns of a matrix: the gradient of a bias.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

// sums[j] = x[0,j] + x[1,j] + ... in that order (from sums[j] if accumulate); x is rows x cols, its rows
// x_row floats apart.
void column_sum(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                std::int64_t cols, Share share);
// The slow witness, in double.
void column_sum_ref(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                    std::int64_t cols);

HOTLOOP_PER_ISA(void column_sum_kernel(const float* x, std::int64_t x_row, float* sums, bool accumulate,
                                       std::int64_t rows, std::int64_t cols, Share share);)

}  // namespace hotloop
