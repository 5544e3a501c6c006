#include "cuda/device/bf16.h"
#include "cuda/launch.h"
#include "ops/bf16/bf16.h"

namespace hotloop {
namespace {

// One number, or four neighbours: as bfloat16 two words of 32 bits.
__device__ std::uint16_t rounded(float x) { return bf16_of(x); }
__device__ uint2 rounded(float4 x) {
  const auto pair = [](float low, float high) {
    return static_cast<unsigned>(bf16_of(low)) | static_cast<unsigned>(bf16_of(high)) << 16;
  };
  return make_uint2(pair(x.x, x.y), pair(x.z, x.w));
}
__device__ float widened(std::uint16_t x) { return widened_bf16(x); }
__device__ float4 widened(uint2 x) {
  return make_float4(__uint_as_float(x.x << 16), __uint_as_float(x.x & 0xffff0000u),
                     __uint_as_float(x.y << 16), __uint_as_float(x.y & 0xffff0000u));
}

template <class From, class To>
struct Round {
  const From* x;
  To* y;
  __device__ From load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, From value) const { y[i] = rounded(value); }
};
template <class From, class To>
struct Widen {
  const From* x;
  To* y;
  __device__ From load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, From value) const { y[i] = widened(value); }
};

bool by_fours(const float* wide, const std::uint16_t* narrow, std::int64_t n) {
  return n % 4 == 0 && reinterpret_cast<std::uintptr_t>(wide) % 16 == 0 &&
         reinterpret_cast<std::uintptr_t>(narrow) % 8 == 0;
}

}  // namespace

namespace cuda {

void to_bf16_kernel(const float* x, std::uint16_t* y, std::int64_t n) {
  if (by_fours(x, y, n))
    launch_elements("to bfloat16", n / 4,
                    Round<float4, uint2>{reinterpret_cast<const float4*>(x), reinterpret_cast<uint2*>(y)});
  else
    launch_elements("to bfloat16", n, Round<float, std::uint16_t>{x, y});
}

void from_bf16_kernel(const std::uint16_t* x, float* y, std::int64_t n) {
  if (by_fours(y, x, n))
    launch_elements("from bfloat16", n / 4,
                    Widen<uint2, float4>{reinterpret_cast<const uint2*>(x), reinterpret_cast<float4*>(y)});
  else
    launch_elements("from bfloat16", n, Widen<std::uint16_t, float>{x, y});
}

}  // namespace cuda
}  // namespace hotloop
