// The kernels behind batch.h that are compiled once per ISA level.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

HOTLOOP_PER_ISA(void gather_rows_u8_kernel(const std::uint8_t* source, std::int64_t row_size,
                                           const std::int32_t* index, std::int64_t first, std::int64_t rows,
                                           float* out, Share share);)
HOTLOOP_PER_ISA(bool all_finite_kernel(const float* x, std::int64_t n);)

}  // namespace hotloop
