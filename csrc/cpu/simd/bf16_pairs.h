// bfloat16 in pairs, as the dot products of the level want them: a lane holds two neighbours of the sum, the
// first one low. Only for *_avx512_bf16.cpp and *_amx.cpp.
//
//   pairs_of(p, n)        the first n (at most 32) numbers from p, two a lane; zeros beyond
//   pairs_of(p, q, n)     lane i is p[i] and q[i], for the first n (at most 16) lanes
//   first_of_pairs(p, n)  the same with a zero for q[i]
//   store_bf16(p, x, n)   the first n (at most 16) lanes of float32 x, rounded
//   dot2(sum, a, b)       sum[i] += the products of both halves of a[i] and b[i]
// From float32 they round to nearest even, and what is too small for a normal float32 to zero.
#pragma once
#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

HOTLOOP_INLINE I32 rounded_pairs(__m512 low, __m512 high) {
  return {reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low))};
}
HOTLOOP_INLINE __mmask32 first32(int n) {
  return static_cast<__mmask32>(n >= 32 ? 0xffffffffu : (1u << n) - 1u);
}
HOTLOOP_INLINE __m512 up_to(const float* p, int n) {
  return n >= 16 ? _mm512_loadu_ps(p) : n <= 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(first(n), p);
}
HOTLOOP_INLINE __m256i up_to(const std::uint16_t* p, int n) {
  return n >= 16 ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))
                 : _mm256_maskz_loadu_epi16(first(n), p);
}
// 16 numbers, then 16 others, become pairs of one each.
HOTLOOP_INLINE I32 side_by_side(__m512i halves) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                         22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return {_mm512_permutexvar_epi16(order, halves)};
}

HOTLOOP_INLINE I32 pairs_of(const float* p, int n) {
  return rounded_pairs(up_to(p, n), n > 16 ? up_to(p + 16, n - 16) : _mm512_setzero_ps());
}
HOTLOOP_INLINE I32 pairs_of(const std::uint16_t* p, int n) {
  return {n >= 32 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi16(first32(n), p)};
}
HOTLOOP_INLINE I32 pairs_of(const float* p, const float* q, int n) {
  return side_by_side(rounded_pairs(up_to(p, n), up_to(q, n)).v);
}
HOTLOOP_INLINE I32 pairs_of(const std::uint16_t* p, const std::uint16_t* q, int n) {
  return side_by_side(_mm512_inserti64x4(_mm512_castsi256_si512(up_to(p, n)), up_to(q, n), 1));
}
HOTLOOP_INLINE I32 first_of_pairs(const float* p, int n) {
  return side_by_side(rounded_pairs(up_to(p, n), _mm512_setzero_ps()).v);
}
HOTLOOP_INLINE I32 first_of_pairs(const std::uint16_t* p, int n) {
  return side_by_side(_mm512_zextsi256_si512(up_to(p, n)));
}

HOTLOOP_INLINE void store_bf16(std::uint16_t* p, F32 x, std::int64_t n) {
  const auto rounded = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v));
  if (n >= kLanes)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded);
  else
    _mm256_mask_storeu_epi16(p, first(static_cast<int>(n)), rounded);
}

HOTLOOP_INLINE F32 dot2(F32 sum, I32 a, I32 b) {
  return {_mm512_dpbf16_ps(sum.v, reinterpret_cast<__m512bh>(a.v), reinterpret_cast<__m512bh>(b.v))};
}

}  // namespace
}  // namespace hotloop
