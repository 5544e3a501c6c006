// Sums down the columns of a matrix: the gradient of a bias.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

// sums[j] = x[0,j] + x[1,j] + ... (from sums[j] if accumulate); x is rows x cols, its rows x_row floats
// apart. Blocks of kColumnBlock rows are summed by themselves and then added, all in ascending order: the
// rounding error grows with the block and the number of blocks, and a GPU has more than one sum to work at.
constexpr std::int64_t kColumnBlock = 128;
void column_sum(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                std::int64_t cols, Share share);
// The slow witness, in double.
void column_sum_ref(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                    std::int64_t cols);

HOTLOOP_PER_ISA(void column_sum_kernel(const float* x, std::int64_t x_row, float* sums, bool accumulate,
                                       std::int64_t rows, std::int64_t cols, Share share);)

}  // namespace hotloop
