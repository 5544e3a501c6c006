// log and log1p: x = 2^k m with m in [sqrt(1/2), sqrt 2), and log m = 2 atanh(s) with s = f / (2 + f), f = m
// - 1. Reduction and coefficients are those of FreeBSD's msun (e_logf.c, s_log1pf.c).
#pragma once
#include "math/common.h"

namespace hotloop {
namespace {

// log(u) + k ln 2 + correction for u positive, normal and finite.
template <class T>
HOTLOOP_MATH T log_of_normal(T u, T k_extra, T correction) {
  const auto bits = as_int(u) + like(as_int(u), 0x3f800000 - 0x3f3504f3);
  const T k = to_float(shift_right<23>(bits) - like(bits, 127)) + k_extra;
  const T m = as_float((bits & like(bits, 0x007fffff)) + like(bits, 0x3f3504f3));
  const T f = m - like(u, 1.0f);
  const T s = f / (like(u, 2.0f) + f);
  const T z = s * s, w = z * z;
  const T odd = w * polynomial(w, 0.24279078841f, 0.40000972152f);
  const T even = z * polynomial(w, 0.28498786688f, 0.66666662693f);
  const T half_square = like(u, 0.5f) * f * f;
  const T low = fma(k, like(u, 9.0580006145e-6f), correction);
  const T tail = fma(s, half_square + (odd + even), low) - half_square;
  return fma(k, like(u, 6.9313812256e-1f), tail + f);
}

// log(inf) = inf, log(0) = -inf, NaN below zero; `value` elsewhere, NaN included.
template <class T>
HOTLOOP_MATH T log_limits(T x, T value) {
  const T infinity = like(x, __builtin_inff()), zero = like(x, 0.0f);
  value = select(equal(x, infinity), infinity, value);
  value = select(equal(x, zero), zero - infinity, value);
  return select(less(x, zero), like(x, __builtin_nanf("")), select(is_nan(x), x, value));
}

// Natural logarithm within 1 ulp, denormals included.
template <class T>
HOTLOOP_MATH_BIG T log(T x) {
  const auto denormal = less(x, like(x, 1.17549435e-38f));
  const T scaled = select(denormal, x * like(x, 8388608.0f), x);
  const T zero = like(x, 0.0f);
  return log_limits(x, log_of_normal(scaled, select(denormal, like(x, -23.0f), zero), zero));
}

// log(1 + x) within 2 ulp, small x included, where its value is x.
template <class T>
HOTLOOP_MATH_BIG T log1p(T x) {
  const T one = like(x, 1.0f);
  const T u = one + x;
  // What the sum lost: log(1 + x) = log(u) + lost / u.
  const T lost = select(less(one, x), one - (u - x), x - (u - one));
  const T value = log_limits(u, log_of_normal(u, like(x, 0.0f), lost / u));
  return select(less(abs(x), like(x, 1e-8f)), x, value);
}

}  // namespace
}  // namespace hotloop
