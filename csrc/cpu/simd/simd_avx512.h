// The vocabulary of simd.h on AVX-512 (F, BW, DQ, VL, VNNI): one zmm register.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace hotloop {
namespace {

struct F32 {
  __m512 v;
};
struct I32 {
  __m512i v;
};
struct Mask {
  __mmask16 v;
};

HOTLOOP_INLINE __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1u); }

HOTLOOP_INLINE F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
HOTLOOP_INLINE F32 load(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
HOTLOOP_INLINE void store(float* p, F32 x) { _mm512_storeu_ps(p, x.v); }
HOTLOOP_INLINE void store(float* p, F32 x, int n) { _mm512_mask_storeu_ps(p, first(n), x.v); }
HOTLOOP_INLINE F32 splat(float s) { return {_mm512_set1_ps(s)}; }
HOTLOOP_INLINE I32 splat(std::int32_t s) { return {_mm512_set1_epi32(s)}; }

HOTLOOP_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
HOTLOOP_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
HOTLOOP_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
HOTLOOP_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
HOTLOOP_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
HOTLOOP_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
HOTLOOP_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
HOTLOOP_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
HOTLOOP_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
HOTLOOP_INLINE F32 round_even(F32 a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

HOTLOOP_INLINE Mask less(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
HOTLOOP_INLINE Mask less_equal(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
HOTLOOP_INLINE Mask equal(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
HOTLOOP_INLINE Mask is_nan(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
// The nibbles of the table: what comes of a quiet and a signalling NaN (zero), and of the other kinds (a).
HOTLOOP_INLINE F32 nan_to_zero(F32 a) {
  return {_mm512_fixupimm_ps(a.v, a.v, _mm512_set1_epi32(0x11111188), 0)};
}
HOTLOOP_INLINE F32 select(Mask m, F32 yes, F32 no) { return {_mm512_mask_blend_ps(m.v, no.v, yes.v)}; }
HOTLOOP_INLINE I32 select(Mask m, I32 yes, I32 no) { return {_mm512_mask_blend_epi32(m.v, no.v, yes.v)}; }

HOTLOOP_INLINE bool any(Mask m) { return m.v != 0; }

HOTLOOP_INLINE I32 to_int(F32 a) { return {_mm512_cvtps_epi32(a.v)}; }
HOTLOOP_INLINE F32 to_float(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }
HOTLOOP_INLINE I32 as_int(F32 a) { return {_mm512_castps_si512(a.v)}; }
HOTLOOP_INLINE F32 as_float(I32 a) { return {_mm512_castsi512_ps(a.v)}; }

HOTLOOP_INLINE I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
HOTLOOP_INLINE I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
HOTLOOP_INLINE I32 operator*(I32 a, I32 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
HOTLOOP_INLINE I32 operator&(I32 a, I32 b) { return {_mm512_and_si512(a.v, b.v)}; }
HOTLOOP_INLINE I32 operator|(I32 a, I32 b) { return {_mm512_or_si512(a.v, b.v)}; }
HOTLOOP_INLINE I32 operator^(I32 a, I32 b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int n>
HOTLOOP_INLINE I32 shift_left(I32 a) {
  return {_mm512_slli_epi32(a.v, n)};
}
template <int n>
HOTLOOP_INLINE I32 shift_right(I32 a) {
  return {_mm512_srli_epi32(a.v, n)};
}
HOTLOOP_INLINE I32 min(I32 a, I32 b) { return {_mm512_min_epi32(a.v, b.v)}; }
HOTLOOP_INLINE I32 max(I32 a, I32 b) { return {_mm512_max_epi32(a.v, b.v)}; }

HOTLOOP_INLINE float sum(F32 a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
HOTLOOP_INLINE float largest(F32 a) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

HOTLOOP_INLINE F32 look_up(const float* table, I32 i) { return {_mm512_i32gather_ps(i.v, table, 4)}; }
HOTLOOP_INLINE I32 load_i32(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
HOTLOOP_INLINE I32 load_i32(const std::int32_t* p, int n) { return {_mm512_maskz_loadu_epi32(first(n), p)}; }
HOTLOOP_INLINE void store_i32(std::int32_t* p, I32 x) { _mm512_storeu_si512(p, x.v); }
HOTLOOP_INLINE void store_i32(std::int32_t* p, I32 x, int n) { _mm512_mask_storeu_epi32(p, first(n), x.v); }
HOTLOOP_INLINE I32 load_u8(const std::uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
HOTLOOP_INLINE I32 load_u8(const std::uint8_t* p, int n) {
  return {_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first(n), p))};
}
HOTLOOP_INLINE void store_u8(std::uint8_t* p, I32 x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x.v));
}
HOTLOOP_INLINE void store_u8(std::uint8_t* p, I32 x, int n) {
  _mm_mask_storeu_epi8(p, first(n), _mm512_cvtepi32_epi8(x.v));
}
HOTLOOP_INLINE void store_u8_clamped(std::uint8_t* p, I32 a, I32 b, std::int32_t plus) {
  const __m512i shift = _mm512_set1_epi16(static_cast<short>(plus));
  const __m512i words = _mm512_adds_epi16(_mm512_packs_epi32(a.v, b.v), shift);  // by fours of a and of b
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(words, words));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_castsi512_si256(bytes));
}
HOTLOOP_INLINE F32 load_bf16(const std::uint16_t* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
}
HOTLOOP_INLINE F32 load_bf16(const std::uint16_t* p, int n) {
  const __m256i half = _mm256_maskz_loadu_epi16(first(n), p);
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
}

struct U8x4 {
  __m512i v;
};
struct S8x64 {
  __m512i v;
};
HOTLOOP_INLINE U8x4 splat_u8x4(const std::uint8_t* p) {
  std::int32_t four;
  __builtin_memcpy(&four, p, 4);
  return {_mm512_set1_epi32(four)};
}
HOTLOOP_INLINE S8x64 load_s8x64(const std::int8_t* p) { return {_mm512_loadu_si512(p)}; }
// Assembly because GCC 12 copies each sum, and spills some, round its own intrinsic: half the speed.
HOTLOOP_INLINE I32 dot4(I32 acc, U8x4 a, S8x64 b) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc.v) : "v"(a.v), "v"(b.v));
  return acc;
}

}  // namespace
}  // namespace hotloop
