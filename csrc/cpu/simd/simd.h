// The vector vocabulary: F32, I32 and Mask are 16 lanes on every ISA level (one zmm, two ymm, four xmm),
// so a kernel written in it adds the same numbers in the same order everywhere. Include it only from
// *_cpu.cpp: everything in it has internal linkage, one copy per level.
//
//   load(p) load(p, n)          16 lanes, or the first n (1 to 15; the rest are zero and never read)
//   store(p, x) store(p, x, n)
//   splat(s) splat(i)           one number in all lanes
//   + - * /  fma(a,b,c)=a*b+c  fnma(a,b,c)=c-a*b  min max sqrt abs round_even
//                               min(a,b) = a<b ? a : b and max(a,b) = a>b ? a : b, so a NaN in a gives b
//   less(a,b) less_equal equal  -> Mask;  select(mask, yes, no);  is_nan(a);  nan_to_zero(a)
//   any(mask)                   whether some lane has it: only to leave out work that nothing would select
//   look_up(table, i)           table[lane], a float
//   to_int(x)                   round to nearest even; x must fit, or lie below and become the least int
//   to_float(i)
//   as_int as_float             bits, unchanged
//   I32: + - * & | ^, shift_left<n>, shift_right<n> (logical), min, max
//   lane_numbers() first_lanes(n)   0, 1, ... 15;  the mask of the first n (any n)
//   sum(x) largest(x)           fixed fold: lane i with i+8, then +4, +2, +1
//   load_u8(p[,n]) -> I32;  store_u8(p, i[,n])  lanes must be in 0..255
//   store_u8_clamped(p, a, b, plus)  32 bytes, clamp(lane + plus, 0, 255) of any lanes, plus being 0 to 255:
//                               cheaper than two stores of 16
//   load_i32 store_i32;  load_bf16(p[,n]) -> F32
//   dot4(acc, a, b)             acc[i] += sum over 4 of u8(a) * s8(b[i]), exact: a holds 4 u8 repeated
//                               in every lane (splat_u8x4), b 64 s8 in groups of 4 (load_s8x64)
#pragma once

#if defined(HOTLOOP_SANITIZED)
// A check before every access makes inlined code ten times as long, and as slow to compile.
#define HOTLOOP_INLINE inline
#define HOTLOOP_BODY
#else
#define HOTLOOP_INLINE inline __attribute__((always_inline))
#define HOTLOOP_BODY __attribute__((always_inline))  // stands after a lambda's parameters
#endif

#if defined(HOTLOOP_LEVEL_avx512)
#include "cpu/simd/simd_avx512.h"
#elif defined(HOTLOOP_LEVEL_avx2)
#include "cpu/simd/simd_avx2.h"
#elif defined(HOTLOOP_LEVEL_baseline)
#include "cpu/simd/simd_baseline.h"
#else
#error "simd.h is for *_cpu.cpp files, which are compiled once per ISA level"
#endif

namespace hotloop {
namespace {

constexpr int kLanes = 16;

HOTLOOP_INLINE F32 operator-(F32 a) {
  return as_float(as_int(a) ^ splat(static_cast<std::int32_t>(0x80000000)));
}
HOTLOOP_INLINE F32 abs(F32 a) { return as_float(as_int(a) & splat(0x7fffffff)); }
HOTLOOP_INLINE Mask greater(F32 a, F32 b) { return less(b, a); }
#if !defined(HOTLOOP_LEVEL_avx512)
HOTLOOP_INLINE F32 nan_to_zero(F32 a) { return select(is_nan(a), splat(0.0f), a); }
#endif
// A constant in the shape of the first argument: how the formulas in math/ write their numbers.
HOTLOOP_INLINE F32 like(F32, float s) { return splat(s); }
HOTLOOP_INLINE I32 like(I32, std::int32_t s) { return splat(s); }
HOTLOOP_INLINE F32 lane_numbers() {
  static constexpr float kNumbers[kLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load(kNumbers);
}
HOTLOOP_INLINE Mask first_lanes(std::int64_t n) { return less(lane_numbers(), splat(static_cast<float>(n))); }
HOTLOOP_INLINE F32 load_or(const float* p, std::int64_t n) {
  return n >= kLanes ? load(p) : load(p, static_cast<int>(n));
}
HOTLOOP_INLINE void store_or(float* p, F32 x, std::int64_t n) {
  if (n >= kLanes)
    store(p, x);
  else
    store(p, x, static_cast<int>(n));
}

}  // namespace
}  // namespace hotloop
