// What the formulas share. Each is a template on the vector type T (16 lanes on a CPU, one number on a
// device) and uses only operations that T's own namespace offers: + - * /, fma, min, max, select, as_int, ...
// and like(x, c), the constant c in the shape of x. The order of every operation is written out, so that the
// same bits come out wherever T rounds as IEEE 754 says.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define HOTLOOP_MATH __device__ __forceinline__
#define HOTLOOP_MATH_BIG __device__ __forceinline__
#define HOTLOOP_MATH_CHOICE __host__ __device__ inline
#elif defined(HOTLOOP_SANITIZED)  // as in cpu/simd/simd.h
#define HOTLOOP_MATH inline
#define HOTLOOP_MATH_BIG inline
#else
#define HOTLOOP_MATH inline __attribute__((always_inline))
#if defined(__FP_FAST_FMAF)
#define HOTLOOP_MATH_BIG inline __attribute__((always_inline))
#else
// Where fma is emulated a polynomial is hundreds of instructions long: one copy is enough.
#define HOTLOOP_MATH_BIG __attribute__((noinline))
#endif
#endif
// What picks a formula by its name: for a GPU hosts pick, and then launch the kernel made for it.
#ifndef HOTLOOP_MATH_CHOICE
#define HOTLOOP_MATH_CHOICE HOTLOOP_MATH
#endif

// A table that formulas look up by index.
#if defined(__CUDACC__)
#define HOTLOOP_MATH_TABLE __device__ constexpr
#else
#define HOTLOOP_MATH_TABLE constexpr
#endif

namespace hotloop {
namespace {

// c[0] x^n + c[1] x^(n-1) + ... by Horner's rule, one fma a term.
template <class T>
HOTLOOP_MATH T horner(T, T sum) {
  return sum;
}
template <class T, class... Rest>
HOTLOOP_MATH T horner(T x, T sum, float c, Rest... rest) {
  return horner(x, fma(sum, x, like(x, c)), rest...);
}
template <class T, class... Rest>
HOTLOOP_MATH T polynomial(T x, float c, Rest... rest) {
  return horner(x, like(x, c), rest...);
}

// x inside [low, high]; a NaN stays one, because min and max give their second operand then.
template <class T>
HOTLOOP_MATH T clamp(T x, float low, float high) {
  return min(like(x, high), max(like(x, low), x));
}

template <class T>
HOTLOOP_MATH T copysign(T magnitude, T sign) {
  const auto bit = like(as_int(sign), INT32_MIN);
  const auto rest = like(as_int(sign), INT32_MAX);
  return as_float((as_int(magnitude) & rest) | (as_int(sign) & bit));
}

}  // namespace
}  // namespace hotloop
