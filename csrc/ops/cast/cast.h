// float32 to int32.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/kernel.h"

namespace hotloop {

// y[i] = x[i] without what stands behind the point; what is too large becomes the nearest int32, NaN 0.
HOTLOOP_KERNEL(cast_to_int, const float* x, std::int32_t* y, std::int64_t n, Share share)
void cast_to_int_ref(const float* x, std::int32_t* y, std::int64_t n);

}  // namespace hotloop
