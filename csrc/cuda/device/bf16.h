// bfloat16 numbers, by the bits of ops/bf16: rounded to nearest even, NaNs quiet and with their sign.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace hotloop {
namespace {

__device__ __forceinline__ std::uint16_t bf16_of(float x) {
  const unsigned bits = __float_as_uint(x);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const unsigned rounded = is_nan ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u);
  return static_cast<std::uint16_t>(rounded >> 16);
}
__device__ __forceinline__ float widened_bf16(std::uint16_t x) {
  return __uint_as_float(static_cast<unsigned>(x) << 16);
}

}  // namespace
}  // namespace hotloop
