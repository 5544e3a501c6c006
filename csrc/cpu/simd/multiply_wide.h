// One more word of the vocabulary, which only the random numbers need:
//   multiply_wide(a, b, high)   lane by lane, unsigned: the product's lower 32 bits, and its upper ones in
//   high
#pragma once
#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

// Hardware multiplies the even lanes of a register into 64 bits each; the odd ones are shifted there.
#if defined(HOTLOOP_LEVEL_avx512)
HOTLOOP_INLINE I32 multiply_wide(I32 a, I32 b, I32& high) {
  const __m512i even = _mm512_mul_epu32(a.v, b.v);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));
  high.v = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
  return {_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32))};
}
#elif defined(HOTLOOP_LEVEL_avx2)
HOTLOOP_INLINE __m256i multiply_wide_half(__m256i a, __m256i b, __m256i& high) {
  const __m256i even = _mm256_mul_epu32(a, b);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
HOTLOOP_INLINE I32 multiply_wide(I32 a, I32 b, I32& high) {
  return {multiply_wide_half(a.lo, b.lo, high.lo), multiply_wide_half(a.hi, b.hi, high.hi)};
}
#else
HOTLOOP_INLINE I32 multiply_wide(I32 a, I32 b, I32& high) {
  std::uint32_t x[kLanes], y[kLanes], upper[kLanes];
  __builtin_memcpy(x, &a, sizeof x);
  __builtin_memcpy(y, &b, sizeof y);
  for (int i = 0; i < kLanes; ++i) {
    const std::uint64_t product = std::uint64_t{x[i]} * y[i];
    x[i] = static_cast<std::uint32_t>(product);
    upper[i] = static_cast<std::uint32_t>(product >> 32);
  }
  __builtin_memcpy(&a, x, sizeof x);
  __builtin_memcpy(&high, upper, sizeof upper);
  return a;
}
#endif

}  // namespace
}  // namespace hotloop
