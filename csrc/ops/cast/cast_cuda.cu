#include "ops/cast/cast.h"

#include "cuda/launch.h"

namespace hotloop {
namespace {

struct ToInt {
  const float* x;
  std::int32_t* y;
  __device__ float load(std::int64_t i) const { return x[i]; }
  // The conversion saturates, and makes 0 of NaN, by itself.
  __device__ void store(std::int64_t i, float value) const { y[i] = __float2int_rz(value); }
};

}  // namespace

namespace cuda {

void cast_to_int_kernel(const float* x, std::int32_t* y, std::int64_t n, Share) {
  launch_elements("cast", n, ToInt{x, y});
}

}  // namespace cuda
}  // namespace hotloop
