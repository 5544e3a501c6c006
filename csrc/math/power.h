// x^y = exp(y log x), with the logarithm and its product with y to twice the precision of a float, as y
// multiplies the logarithm's error. log m = 2 atanh(q) with q = (m - 1) / (m + 1), as in math/log.h; the
// polynomial is our own minimax fit.
#pragma once
#include "math/exp.h"
#include "math/two_floats.h"

namespace hotloop {
namespace {

// log(x) for finite x above zero, relative error 1e-9.
template <class T>
HOTLOOP_MATH TwoFloats<T> two_log(T x) {
  const auto denormal = less(x, like(x, 1.17549435e-38f));
  const T u = select(denormal, x * like(x, 8388608.0f), x);
  const auto bits = as_int(u) + like(as_int(u), 0x3f800000 - 0x3f3504f3);
  const T k =
      to_float(shift_right<23>(bits) - like(bits, 127)) + select(denormal, like(x, -23.0f), like(x, 0.0f));
  const T m = as_float((bits & like(bits, 0x007fffff)) + like(bits, 0x3f3504f3));
  const T f = m - like(x, 1.0f);
  const T inverse = like(x, 1.0f) / (f + like(x, 2.0f));
  const T q = f * inverse;
  const T q_rest =
      inverse * fnma(q, f, fnma(q, like(x, 2.0f), f));  // f - q (f + 2), which is exact up to q f
  const T z = q * q, z_rest = fma(q, q_rest + q_rest, fma(q, q, -z));
  const T cube = z * q, cube_rest = fma(z, q_rest, fma(z_rest, q, fma(z, q, -cube)));
  const T p = polynomial(z, 1.1791077256e-1f, 1.4268654585e-1f, 2.0000167191e-1f, 3.3333331347e-1f);
  const T rest = fma(p, cube, fma(p, cube_rest, q_rest));
  // k ln 2 + 2 q, of which the first is the larger where it is not 0.
  const T ln2 = like(x, 6.93147182e-1f);
  const T twice = q + q, high = fma(ln2, k, twice), lost = twice - fnma(ln2, k, high);
  return quick_two_sum(high, fma(like(x, -1.90465421e-9f), k, fma(like(x, 2.0f), rest, lost)));
}

// |x|^y but for NaN, infinities and zeros.
template <class T>
HOTLOOP_MATH_BIG T power_of_positive(T x, T y) {
  const TwoFloats<T> l = two_log(x);
  const T product = y * l.high, near = clamp(product, -105.0f, 89.0f);
  const T lost = fma(y, l.low, fma(y, l.high, -product));
  const T low = select(equal(near, product), lost, like(x, 0.0f));
  const ExpParts<T> parts = exp_parts(near);
  return scale(like(x, 1.0f) + (parts.minus_1 + fma(parts.minus_1, low, low)), parts.n);
}

// x^y within 2 ulp, specials as in C's pow.
template <class T>
HOTLOOP_MATH_BIG T power(T x, T y) {
  const T zero = like(x, 0.0f), one = like(x, 1.0f), infinity = like(x, __builtin_inff());
  const T size = abs(x);
  const T half = y * like(x, 0.5f);
  const auto whole = equal(round_even(y), y);
  // Beyond 2^24 all are even; y / 2 of an odd number is not whole.
  const auto odd = less(select(whole, zero, one), abs(half - round_even(half)));
  T value = power_of_positive(size, y);
  value = select(less(x, zero), select(whole, value, like(x, __builtin_nanf(""))), value);
  // 0^y and infinity^y are 0, 1 or infinity, and so is x^infinity.
  const auto grows = less(zero, select(less(size, one), -y, y));
  const T limit = select(grows, infinity, zero);
  value = select(equal(size, zero), limit, value);
  value = select(equal(size, infinity), limit, value);
  value = select(equal(abs(y), infinity), limit, value);
  // The sign of x, where it counts: of an odd power, zeros and infinities included.
  value = select(odd, copysign(value, x), value);
  value = select(is_nan(x), x, select(is_nan(y), y, value));
  value = select(equal(size, one), select(less(x, zero), select(equal(abs(y), infinity), one, value), one),
                 value);
  return select(equal(y, zero), one, value);
}

}  // namespace
}  // namespace hotloop
