// The vector vocabulary of cpu/simd/simd.h on a GPU: sixteen neighbouring threads, half a warp, are one
// vector of 16 lanes. Kernels written in it add the same numbers in the same order as on the CPU. Blocks are
// one-dimensional, of whole warps, and the threads of a half warp take every turn together.
//
// F32, I32 and Mask hold this thread's lane. sum and largest give all lanes the result; a plain float or
// pointer that all lanes have alike is a number of the whole vector.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#define HOTLOOP_INLINE __device__ __forceinline__
#define HOTLOOP_BODY

namespace hotloop {
namespace {

constexpr int kLanes = 16;

struct F32 {
  float lane;
};
struct I32 {
  std::int32_t lane;
};
struct Mask {
  bool lane;
};

HOTLOOP_INLINE int lane_index() { return static_cast<int>(threadIdx.x) % kLanes; }
// The threads of this half warp, for the _sync functions.
HOTLOOP_INLINE unsigned half_warp() { return 0xffffu << (threadIdx.x & 16u); }

HOTLOOP_INLINE F32 load(const float* p) { return {p[lane_index()]}; }
HOTLOOP_INLINE F32 load(const float* p, int n) { return {lane_index() < n ? p[lane_index()] : 0.0f}; }
HOTLOOP_INLINE void store(float* p, F32 x) { p[lane_index()] = x.lane; }
HOTLOOP_INLINE void store(float* p, F32 x, int n) {
  if (lane_index() < n) p[lane_index()] = x.lane;
}
HOTLOOP_INLINE F32 load_or(const float* p, std::int64_t n) {
  return load(p, n < kLanes ? static_cast<int>(n) : kLanes);
}
HOTLOOP_INLINE void store_or(float* p, F32 x, std::int64_t n) {
  store(p, x, n < kLanes ? static_cast<int>(n) : kLanes);
}
HOTLOOP_INLINE F32 splat(float s) { return {s}; }
HOTLOOP_INLINE I32 splat(std::int32_t s) { return {s}; }

// Each operation rounds by itself, whatever the compiler's flags: only fma fuses.
HOTLOOP_INLINE F32 operator+(F32 a, F32 b) { return {__fadd_rn(a.lane, b.lane)}; }
HOTLOOP_INLINE F32 operator-(F32 a, F32 b) { return {__fsub_rn(a.lane, b.lane)}; }
HOTLOOP_INLINE F32 operator*(F32 a, F32 b) { return {__fmul_rn(a.lane, b.lane)}; }
HOTLOOP_INLINE F32 operator/(F32 a, F32 b) { return {__fdiv_rn(a.lane, b.lane)}; }
HOTLOOP_INLINE F32 operator-(F32 a) { return {-a.lane}; }
HOTLOOP_INLINE F32 fma(F32 a, F32 b, F32 c) { return {__fmaf_rn(a.lane, b.lane, c.lane)}; }
HOTLOOP_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {__fmaf_rn(-a.lane, b.lane, c.lane)}; }
HOTLOOP_INLINE F32 min(F32 a, F32 b) { return {a.lane < b.lane ? a.lane : b.lane}; }
HOTLOOP_INLINE F32 max(F32 a, F32 b) { return {a.lane > b.lane ? a.lane : b.lane}; }
HOTLOOP_INLINE F32 sqrt(F32 a) { return {__fsqrt_rn(a.lane)}; }
HOTLOOP_INLINE F32 abs(F32 a) { return {__int_as_float(__float_as_int(a.lane) & 0x7fffffff)}; }
HOTLOOP_INLINE F32 round_even(F32 a) { return {rintf(a.lane)}; }

HOTLOOP_INLINE Mask less(F32 a, F32 b) { return {a.lane < b.lane}; }
HOTLOOP_INLINE Mask less_equal(F32 a, F32 b) { return {a.lane <= b.lane}; }
HOTLOOP_INLINE Mask equal(F32 a, F32 b) { return {a.lane == b.lane}; }
HOTLOOP_INLINE Mask greater(F32 a, F32 b) { return less(b, a); }
HOTLOOP_INLINE Mask is_nan(F32 a) { return {a.lane != a.lane}; }
HOTLOOP_INLINE F32 select(Mask m, F32 yes, F32 no) { return {m.lane ? yes.lane : no.lane}; }
HOTLOOP_INLINE I32 select(Mask m, I32 yes, I32 no) { return {m.lane ? yes.lane : no.lane}; }
// A thread leaves out what its own lane has no use for.
HOTLOOP_INLINE bool any(Mask m) { return m.lane; }
HOTLOOP_INLINE F32 look_up(const float* table, I32 i) { return {table[i.lane]}; }
HOTLOOP_INLINE F32 nan_to_zero(F32 a) { return select(is_nan(a), splat(0.0f), a); }

// As on x86: what does not fit, and NaN, becomes the least int. From below the hardware does that by itself.
HOTLOOP_INLINE I32 to_int(F32 a) { return {a.lane < 2147483648.0f ? __float2int_rn(a.lane) : INT32_MIN}; }
HOTLOOP_INLINE F32 to_float(I32 a) { return {__int2float_rn(a.lane)}; }
HOTLOOP_INLINE I32 as_int(F32 a) { return {__float_as_int(a.lane)}; }
HOTLOOP_INLINE F32 as_float(I32 a) { return {__int_as_float(a.lane)}; }

// Signed sums wrap, as vectors' do.
HOTLOOP_INLINE std::uint32_t bits_of(I32 a) { return static_cast<std::uint32_t>(a.lane); }
HOTLOOP_INLINE I32 of_bits(std::uint32_t bits) { return {static_cast<std::int32_t>(bits)}; }
HOTLOOP_INLINE I32 operator+(I32 a, I32 b) { return of_bits(bits_of(a) + bits_of(b)); }
HOTLOOP_INLINE I32 operator-(I32 a, I32 b) { return of_bits(bits_of(a) - bits_of(b)); }
HOTLOOP_INLINE I32 operator*(I32 a, I32 b) { return of_bits(bits_of(a) * bits_of(b)); }
HOTLOOP_INLINE I32 operator&(I32 a, I32 b) { return {a.lane & b.lane}; }
HOTLOOP_INLINE I32 operator|(I32 a, I32 b) { return {a.lane | b.lane}; }
HOTLOOP_INLINE I32 operator^(I32 a, I32 b) { return {a.lane ^ b.lane}; }
template <int n>
HOTLOOP_INLINE I32 shift_left(I32 a) {
  return of_bits(bits_of(a) << n);
}
template <int n>
HOTLOOP_INLINE I32 shift_right(I32 a) {
  return of_bits(bits_of(a) >> n);
}
HOTLOOP_INLINE I32 min(I32 a, I32 b) { return {a.lane < b.lane ? a.lane : b.lane}; }
HOTLOOP_INLINE I32 max(I32 a, I32 b) { return {a.lane > b.lane ? a.lane : b.lane}; }

HOTLOOP_INLINE F32 like(F32, float s) { return splat(s); }
HOTLOOP_INLINE I32 like(I32, std::int32_t s) { return splat(s); }
HOTLOOP_INLINE F32 lane_numbers() { return {static_cast<float>(lane_index())}; }
HOTLOOP_INLINE Mask first_lanes(std::int64_t n) { return {lane_index() < n}; }

// The fixed fold of simd.h: lane i with i + 8, then + 4, + 2, + 1.
HOTLOOP_INLINE float sum(F32 a) {
  float v = a.lane;
#pragma unroll
  for (int step = kLanes / 2; step > 0; step /= 2)
    v = __fadd_rn(v, __shfl_xor_sync(half_warp(), v, step, kLanes));
  return v;
}
// The lower lane is max's first operand, as there: it matters for zeros of either sign.
HOTLOOP_INLINE float largest(F32 a) {
  float v = a.lane;
#pragma unroll
  for (int step = kLanes / 2; step > 0; step /= 2) {
    const float other = __shfl_xor_sync(half_warp(), v, step, kLanes);
    const bool lower = (lane_index() & step) == 0;
    const float first = lower ? v : other, second = lower ? other : v;
    v = first > second ? first : second;
  }
  return v;
}

}  // namespace
}  // namespace hotloop
