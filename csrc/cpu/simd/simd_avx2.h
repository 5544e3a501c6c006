// The vocabulary of simd.h on AVX2 and FMA: two ymm registers.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace hotloop {
namespace {

struct F32 {
  __m256 lo, hi;
};
struct I32 {
  __m256i lo, hi;
};
struct Mask {
  __m256 lo, hi;
};

// All ones in the first n of eight lanes.
HOTLOOP_INLINE __m256i first8(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

HOTLOOP_INLINE F32 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
HOTLOOP_INLINE F32 load(const float* p, int n) {
  return {_mm256_maskload_ps(p, first8(n)), _mm256_maskload_ps(p + 8, first8(n - 8))};
}
HOTLOOP_INLINE void store(float* p, F32 x) {
  _mm256_storeu_ps(p, x.lo);
  _mm256_storeu_ps(p + 8, x.hi);
}
HOTLOOP_INLINE void store(float* p, F32 x, int n) {
  _mm256_maskstore_ps(p, first8(n), x.lo);
  _mm256_maskstore_ps(p + 8, first8(n - 8), x.hi);
}
HOTLOOP_INLINE F32 splat(float s) { return {_mm256_set1_ps(s), _mm256_set1_ps(s)}; }
HOTLOOP_INLINE I32 splat(std::int32_t s) { return {_mm256_set1_epi32(s), _mm256_set1_epi32(s)}; }

HOTLOOP_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
HOTLOOP_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
HOTLOOP_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
HOTLOOP_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
HOTLOOP_INLINE F32 fma(F32 a, F32 b, F32 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
HOTLOOP_INLINE F32 fnma(F32 a, F32 b, F32 c) {
  return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
HOTLOOP_INLINE F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
HOTLOOP_INLINE F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
HOTLOOP_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
HOTLOOP_INLINE F32 round_even(F32 a) {
  constexpr int kEven = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.lo, kEven), _mm256_round_ps(a.hi, kEven)};
}

HOTLOOP_INLINE Mask less(F32 a, F32 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
HOTLOOP_INLINE Mask less_equal(F32 a, F32 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ)};
}
HOTLOOP_INLINE Mask equal(F32 a, F32 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}
HOTLOOP_INLINE Mask is_nan(F32 a) {
  return {_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q)};
}
HOTLOOP_INLINE F32 select(Mask m, F32 yes, F32 no) {
  return {_mm256_blendv_ps(no.lo, yes.lo, m.lo), _mm256_blendv_ps(no.hi, yes.hi, m.hi)};
}
HOTLOOP_INLINE bool any(Mask m) { return _mm256_movemask_ps(_mm256_or_ps(m.lo, m.hi)) != 0; }

HOTLOOP_INLINE I32 to_int(F32 a) { return {_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)}; }
HOTLOOP_INLINE F32 to_float(I32 a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
HOTLOOP_INLINE I32 as_int(F32 a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
HOTLOOP_INLINE F32 as_float(I32 a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
HOTLOOP_INLINE I32 select(Mask m, I32 yes, I32 no) { return as_int(select(m, as_float(yes), as_float(no))); }

HOTLOOP_INLINE I32 operator+(I32 a, I32 b) {
  return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
HOTLOOP_INLINE I32 operator-(I32 a, I32 b) {
  return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
HOTLOOP_INLINE I32 operator*(I32 a, I32 b) {
  return {_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
}
HOTLOOP_INLINE I32 operator&(I32 a, I32 b) {
  return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
HOTLOOP_INLINE I32 operator|(I32 a, I32 b) {
  return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}
HOTLOOP_INLINE I32 operator^(I32 a, I32 b) {
  return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)};
}
template <int n>
HOTLOOP_INLINE I32 shift_left(I32 a) {
  return {_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n)};
}
template <int n>
HOTLOOP_INLINE I32 shift_right(I32 a) {
  return {_mm256_srli_epi32(a.lo, n), _mm256_srli_epi32(a.hi, n)};
}
HOTLOOP_INLINE I32 min(I32 a, I32 b) { return {_mm256_min_epi32(a.lo, b.lo), _mm256_min_epi32(a.hi, b.hi)}; }
HOTLOOP_INLINE I32 max(I32 a, I32 b) { return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)}; }

HOTLOOP_INLINE float sum(F32 a) {
  const __m256 eight = _mm256_add_ps(a.lo, a.hi);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
HOTLOOP_INLINE float largest(F32 a) {
  const __m256 eight = _mm256_max_ps(a.lo, a.hi);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

HOTLOOP_INLINE F32 look_up(const float* table, I32 i) {
  return {_mm256_i32gather_ps(table, i.lo, 4), _mm256_i32gather_ps(table, i.hi, 4)};
}
HOTLOOP_INLINE I32 load_i32(const std::int32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
HOTLOOP_INLINE I32 load_i32(const std::int32_t* p, int n) {
  return {_mm256_maskload_epi32(p, first8(n)), _mm256_maskload_epi32(p + 8, first8(n - 8))};
}
HOTLOOP_INLINE void store_i32(std::int32_t* p, I32 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.lo);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), x.hi);
}
HOTLOOP_INLINE void store_i32(std::int32_t* p, I32 x, int n) {
  _mm256_maskstore_epi32(p, first8(n), x.lo);
  _mm256_maskstore_epi32(p + 8, first8(n - 8), x.hi);
}
HOTLOOP_INLINE I32 load_u8(const std::uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
HOTLOOP_INLINE I32 load_u8(const std::uint8_t* p, int n) {
  alignas(16) std::uint8_t bytes[16] = {};
  for (int i = 0; i < n; ++i) bytes[i] = p[i];
  return load_u8(bytes);
}
HOTLOOP_INLINE void store_u8(std::uint8_t* p, I32 x) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(x.lo, x.hi), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
HOTLOOP_INLINE void store_u8(std::uint8_t* p, I32 x, int n) {
  alignas(16) std::uint8_t bytes[16];
  store_u8(bytes, x);
  for (int i = 0; i < n; ++i) p[i] = bytes[i];
}
HOTLOOP_INLINE void store_u8_clamped(std::uint8_t* p, I32 a, I32 b, std::int32_t plus) {
  const __m256i shift = _mm256_set1_epi16(static_cast<short>(plus));
  const __m256i words = _mm256_packus_epi16(_mm256_adds_epi16(_mm256_packs_epi32(a.lo, a.hi), shift),
                                            _mm256_adds_epi16(_mm256_packs_epi32(b.lo, b.hi), shift));
  const __m256i bytes = _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bytes);
}
HOTLOOP_INLINE F32 load_bf16(const std::uint16_t* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {
      _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(half)), 16)),
      _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm256_extracti128_si256(half, 1)), 16))};
}
HOTLOOP_INLINE F32 load_bf16(const std::uint16_t* p, int n) {
  alignas(32) std::uint16_t half[16] = {};
  for (int i = 0; i < n; ++i) half[i] = p[i];
  return load_bf16(half);
}

// vpmaddubsw saturates at 16 bits; bytes widened to 16 bits first keep every sum exact. Bytes 0 and 2 of each
// four are `even`, 1 and 3 `odd`.
struct U8x4 {
  __m256i even, odd;
};
struct S8x64 {
  __m256i lo_even, lo_odd, hi_even, hi_odd;
};
HOTLOOP_INLINE U8x4 splat_u8x4(const std::uint8_t* p) {
  std::int32_t four;
  __builtin_memcpy(&four, p, 4);
  const __m256i bytes = _mm256_set1_epi32(four);
  return {_mm256_and_si256(bytes, _mm256_set1_epi16(0x00ff)), _mm256_srli_epi16(bytes, 8)};
}
HOTLOOP_INLINE __m256i widen_even(__m256i bytes) { return _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8); }
HOTLOOP_INLINE S8x64 load_s8x64(const std::int8_t* p) {
  const __m256i lo = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i hi = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
  return {widen_even(lo), _mm256_srai_epi16(lo, 8), widen_even(hi), _mm256_srai_epi16(hi, 8)};
}
HOTLOOP_INLINE I32 dot4(I32 acc, U8x4 a, S8x64 b) {
  acc.lo = _mm256_add_epi32(acc.lo, _mm256_madd_epi16(a.even, b.lo_even));
  acc.hi = _mm256_add_epi32(acc.hi, _mm256_madd_epi16(a.even, b.hi_even));
  acc.lo = _mm256_add_epi32(acc.lo, _mm256_madd_epi16(a.odd, b.lo_odd));
  acc.hi = _mm256_add_epi32(acc.hi, _mm256_madd_epi16(a.odd, b.hi_odd));
  return acc;
}

}  // namespace
}  // namespace hotloop
