// Where batches come from: shuffled order, gathered rows, and a look for what is not finite.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

// A permutation of 0..n-1 that depends on seed and epoch alone (Fisher-Yates over Philox numbers).
void shuffled_order(std::uint64_t seed, std::uint64_t epoch, std::int64_t n, std::int32_t* order);

// out[r, :] = float(source[index[r], :]); index null means rows first .. first + rows - 1.
void gather_rows_f32(const float* source, std::int64_t row_size, const std::int32_t* index,
                     std::int64_t first, std::int64_t rows, float* out, Share share);
void gather_rows_u8(const std::uint8_t* source, std::int64_t row_size, const std::int32_t* index,
                    std::int64_t first, std::int64_t rows, float* out, Share share);
void gather_rows_i32(const std::int32_t* source, std::int64_t row_size, const std::int32_t* index,
                     std::int64_t first, std::int64_t rows, std::int32_t* out, Share share);

// The CUDA half alone has the two below, for steps that are captured. There a step in progress (DeviceStep)
// adds its first row to the places in `index`, and to `first`, of all that is gathered.
//
// to[first row of the step + r, :] = from[r, :]
void record_rows(const float* from, std::int64_t features, std::int64_t rows, float* to);
// *flag becomes 1 where one of the n numbers is NaN or infinite; nobody waits.
void flag_nonfinite(const float* x, std::int64_t n, int* flag);

// True when none of the n numbers is NaN or infinite.
bool all_finite(const float* x, std::int64_t n);

}  // namespace hotloop
