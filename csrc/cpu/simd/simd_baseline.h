// The vocabulary of simd.h in portable C++ (GCC and Clang vector extensions): SSE2, NEON or plain scalars,
// whatever the compiler's baseline is.
#pragma once
#include <cstdint>

namespace hotloop {
namespace {

typedef float f32x4 __attribute__((vector_size(16)));
typedef std::int32_t i32x4 __attribute__((vector_size(16)));
typedef std::uint32_t u32x4 __attribute__((vector_size(16)));

struct F32 {
  f32x4 v[4];
};
struct I32 {
  i32x4 v[4];
};
struct Mask {
  i32x4 v[4];
};

#define HOTLOOP_EACH(i) _Pragma("GCC unroll 4") for (int i = 0; i < 4; ++i)

template <class V, class T>
HOTLOOP_INLINE V load_lanes(const T* p, int n) {
  T lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  V out;
  __builtin_memcpy(&out, lanes, sizeof out);
  return out;
}
template <class V, class T>
HOTLOOP_INLINE void store_lanes(T* p, V x, int n) {
  T lanes[16];
  __builtin_memcpy(lanes, &x, sizeof x);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

HOTLOOP_INLINE F32 load(const float* p) {
  F32 out;
  __builtin_memcpy(&out, p, sizeof out);
  return out;
}
HOTLOOP_INLINE F32 load(const float* p, int n) { return load_lanes<F32>(p, n); }
HOTLOOP_INLINE void store(float* p, F32 x) { __builtin_memcpy(p, &x, sizeof x); }
HOTLOOP_INLINE void store(float* p, F32 x, int n) { store_lanes(p, x, n); }
HOTLOOP_INLINE F32 splat(float s) {
  F32 out;
  HOTLOOP_EACH(i) out.v[i] = f32x4{s, s, s, s};
  return out;
}
HOTLOOP_INLINE I32 splat(std::int32_t s) {
  I32 out;
  HOTLOOP_EACH(i) out.v[i] = i32x4{s, s, s, s};
  return out;
}

#define HOTLOOP_BINARY(type, op)                    \
  HOTLOOP_INLINE type operator op(type a, type b) { \
    HOTLOOP_EACH(i) a.v[i] = a.v[i] op b.v[i];      \
    return a;                                       \
  }
HOTLOOP_BINARY(F32, +)
HOTLOOP_BINARY(F32, -)
HOTLOOP_BINARY(F32, *)
HOTLOOP_BINARY(F32, /)
HOTLOOP_BINARY(I32, &)
HOTLOOP_BINARY(I32, |)
HOTLOOP_BINARY(I32, ^)
#undef HOTLOOP_BINARY
// Integer sums and products wrap, as the hardware's do; unsigned lanes make that defined.
HOTLOOP_INLINE I32 operator+(I32 a, I32 b) {
  HOTLOOP_EACH(i) a.v[i] = (i32x4)((u32x4)a.v[i] + (u32x4)b.v[i]);
  return a;
}
HOTLOOP_INLINE I32 operator-(I32 a, I32 b) {
  HOTLOOP_EACH(i) a.v[i] = (i32x4)((u32x4)a.v[i] - (u32x4)b.v[i]);
  return a;
}
HOTLOOP_INLINE I32 operator*(I32 a, I32 b) {
  HOTLOOP_EACH(i) a.v[i] = (i32x4)((u32x4)a.v[i] * (u32x4)b.v[i]);
  return a;
}

// a*b+c rounded once. Without the instruction: the product is exact in double, the sum is rounded to odd
// there (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008), then to float.
HOTLOOP_INLINE float fma_lane(float a, float b, float c) {
#ifdef __FP_FAST_FMAF
  return __builtin_fmaf(a, b, c);
#else
  const double product = static_cast<double>(a) * b;
  double sum = product + c;
  const double back = sum - product;
  const double error = (product - (sum - back)) + (c - back);
  if (error < 0 || error > 0) {
    std::int64_t bits;
    __builtin_memcpy(&bits, &sum, sizeof bits);
    if ((bits & 1) == 0) bits += (error > 0) == (sum > 0) ? 1 : -1;
    __builtin_memcpy(&sum, &bits, sizeof bits);
  }
  return static_cast<float>(sum);
#endif
}
#ifdef __FP_FAST_FMAF
HOTLOOP_INLINE
#else
inline __attribute__((noinline))  // a hundred instructions: one copy a file is enough
#endif
F32 fma(F32 a, F32 b, F32 c) {
  HOTLOOP_EACH(i) { HOTLOOP_EACH(j) c.v[i][j] = fma_lane(a.v[i][j], b.v[i][j], c.v[i][j]); }
  return c;
}

HOTLOOP_INLINE I32 as_int(F32 a) {
  I32 out;
  HOTLOOP_EACH(i) out.v[i] = (i32x4)a.v[i];
  return out;
}
HOTLOOP_INLINE F32 as_float(I32 a) {
  F32 out;
  HOTLOOP_EACH(i) out.v[i] = (f32x4)a.v[i];
  return out;
}
HOTLOOP_INLINE F32 fnma(F32 a, F32 b, F32 c) { return fma(as_float(as_int(a) ^ splat(INT32_MIN)), b, c); }

HOTLOOP_INLINE Mask less(F32 a, F32 b) {
  Mask out;
  HOTLOOP_EACH(i) out.v[i] = a.v[i] < b.v[i];
  return out;
}
HOTLOOP_INLINE Mask less_equal(F32 a, F32 b) {
  Mask out;
  HOTLOOP_EACH(i) out.v[i] = a.v[i] <= b.v[i];
  return out;
}
HOTLOOP_INLINE Mask equal(F32 a, F32 b) {
  Mask out;
  HOTLOOP_EACH(i) out.v[i] = a.v[i] == b.v[i];
  return out;
}
HOTLOOP_INLINE Mask is_nan(F32 a) {
  Mask out;
  HOTLOOP_EACH(i) out.v[i] = a.v[i] != a.v[i];
  return out;
}
HOTLOOP_INLINE bool any(Mask m) {
  const i32x4 all = (m.v[0] | m.v[1]) | (m.v[2] | m.v[3]);
  return (all[0] | all[1] | all[2] | all[3]) != 0;
}
HOTLOOP_INLINE I32 select(Mask m, I32 yes, I32 no) {
  HOTLOOP_EACH(i) no.v[i] = (m.v[i] & yes.v[i]) | (~m.v[i] & no.v[i]);
  return no;
}
HOTLOOP_INLINE F32 select(Mask m, F32 yes, F32 no) { return as_float(select(m, as_int(yes), as_int(no))); }
HOTLOOP_INLINE F32 min(F32 a, F32 b) { return select(less(a, b), a, b); }
HOTLOOP_INLINE F32 max(F32 a, F32 b) { return select(less(b, a), a, b); }
HOTLOOP_INLINE I32 min(I32 a, I32 b) {
  Mask m;
  HOTLOOP_EACH(i) m.v[i] = a.v[i] < b.v[i];
  return select(m, a, b);
}
HOTLOOP_INLINE I32 max(I32 a, I32 b) {
  Mask m;
  HOTLOOP_EACH(i) m.v[i] = a.v[i] > b.v[i];
  return select(m, a, b);
}
HOTLOOP_INLINE F32 sqrt(F32 a) {
  HOTLOOP_EACH(i) { HOTLOOP_EACH(j) a.v[i][j] = __builtin_sqrtf(a.v[i][j]); }
  return a;
}
// Adding and taking away 1.5 * 2^23 rounds |x| < 2^22 to nearest even; larger floats are whole already.
HOTLOOP_INLINE F32 round_even(F32 a) {
  const F32 magnitude = as_float(as_int(a) & splat(0x7fffffff)), big = splat(8388608.0f);
  const F32 rounded = (magnitude + big) - big;
  const I32 sign = as_int(a) & splat(INT32_MIN);
  return select(less(magnitude, big), as_float(as_int(rounded) | sign), a);
}
HOTLOOP_INLINE I32 to_int(F32 a) {
  const F32 whole = round_even(a);
  I32 out;
  HOTLOOP_EACH(i) out.v[i] = __builtin_convertvector(whole.v[i], i32x4);
  return out;
}
HOTLOOP_INLINE F32 to_float(I32 a) {
  F32 out;
  HOTLOOP_EACH(i) out.v[i] = __builtin_convertvector(a.v[i], f32x4);
  return out;
}
template <int n>
HOTLOOP_INLINE I32 shift_left(I32 a) {
  HOTLOOP_EACH(i) a.v[i] = (i32x4)((u32x4)a.v[i] << n);
  return a;
}
template <int n>
HOTLOOP_INLINE I32 shift_right(I32 a) {
  HOTLOOP_EACH(i) a.v[i] = (i32x4)((u32x4)a.v[i] >> n);
  return a;
}

HOTLOOP_INLINE float sum(F32 a) {
  const f32x4 four = (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
  return (four[0] + four[2]) + (four[1] + four[3]);
}
HOTLOOP_INLINE float larger(float a, float b) { return a > b ? a : b; }
HOTLOOP_INLINE float largest(F32 a) {
  f32x4 four;
  for (int j = 0; j < 4; ++j) four[j] = larger(larger(a.v[0][j], a.v[2][j]), larger(a.v[1][j], a.v[3][j]));
  return larger(larger(four[0], four[2]), larger(four[1], four[3]));
}

HOTLOOP_INLINE F32 look_up(const float* table, I32 at) {
  F32 out;
  HOTLOOP_EACH(i) { HOTLOOP_EACH(j) out.v[i][j] = table[at.v[i][j]]; }
  return out;
}
HOTLOOP_INLINE I32 load_i32(const std::int32_t* p) {
  I32 out;
  __builtin_memcpy(&out, p, sizeof out);
  return out;
}
HOTLOOP_INLINE I32 load_i32(const std::int32_t* p, int n) { return load_lanes<I32>(p, n); }
HOTLOOP_INLINE void store_i32(std::int32_t* p, I32 x) { __builtin_memcpy(p, &x, sizeof x); }
HOTLOOP_INLINE void store_i32(std::int32_t* p, I32 x, int n) { store_lanes(p, x, n); }
HOTLOOP_INLINE I32 load_u8(const std::uint8_t* p, int n) {
  std::int32_t lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load_i32(lanes);
}
HOTLOOP_INLINE I32 load_u8(const std::uint8_t* p) { return load_u8(p, 16); }
HOTLOOP_INLINE void store_u8(std::uint8_t* p, I32 x, int n) {
  std::int32_t lanes[16];
  store_i32(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = static_cast<std::uint8_t>(lanes[i]);
}
HOTLOOP_INLINE void store_u8(std::uint8_t* p, I32 x) { store_u8(p, x, 16); }
HOTLOOP_INLINE void store_u8_clamped(std::uint8_t* p, I32 a, I32 b, std::int32_t plus) {
  const I32 most = splat(255 - plus), shift = splat(plus), zero = splat(0);
  store_u8(p, max(min(a, most) + shift, zero));
  store_u8(p + 16, max(min(b, most) + shift, zero));
}
HOTLOOP_INLINE F32 load_bf16(const std::uint16_t* p, int n) {
  std::uint32_t lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = static_cast<std::uint32_t>(p[i]) << 16;
  F32 out;
  __builtin_memcpy(&out, lanes, sizeof out);
  return out;
}
HOTLOOP_INLINE F32 load_bf16(const std::uint16_t* p) { return load_bf16(p, 16); }

typedef std::int16_t i16x8 __attribute__((vector_size(16)));
typedef std::uint16_t u16x8 __attribute__((vector_size(16)));

// Bytes 0 and 2 of each four are `even`, 1 and 3 `odd`, widened to 16 bits, where 255 * -128 still fits.
struct U8x4 {
  i16x8 even, odd;
};
struct S8x64 {
  i16x8 even[4], odd[4];
};
HOTLOOP_INLINE U8x4 splat_u8x4(const std::uint8_t* p) {
  std::int32_t four;
  __builtin_memcpy(&four, p, 4);
  const u16x8 bytes = (u16x8)i32x4{four, four, four, four};
  return {(i16x8)(bytes & 0x00ff), (i16x8)(bytes >> 8)};
}
HOTLOOP_INLINE S8x64 load_s8x64(const std::int8_t* p) {
  S8x64 out;
  HOTLOOP_EACH(i) {
    u16x8 bytes;
    __builtin_memcpy(&bytes, p + 16 * i, sizeof bytes);
    out.even[i] = (i16x8)(bytes << 8) >> 8;
    out.odd[i] = (i16x8)bytes >> 8;
  }
  return out;
}
HOTLOOP_INLINE I32 dot4(I32 acc, U8x4 a, S8x64 b) {
  HOTLOOP_EACH(i) {
    const i16x8 even = a.even * b.even[i], odd = a.odd * b.odd[i];
    acc.v[i] += ((i32x4)((u32x4)even << 16) >> 16) + ((i32x4)even >> 16);
    acc.v[i] += ((i32x4)((u32x4)odd << 16) >> 16) + ((i32x4)odd >> 16);
  }
  return acc;
}

#undef HOTLOOP_EACH

}  // namespace
}  // namespace hotloop
