// exp and expm1: x = n ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, and a scaling by 2^n. The polynomial
// and the two-part ln 2 are those of Moshier's Cephes library (expf).
#pragma once
#include "math/common.h"

namespace hotloop {
namespace {

template <class T>
struct ExpParts {
  T n;        // whole
  T minus_1;  // exp(r) - 1
};

template <class T>
HOTLOOP_MATH ExpParts<T> exp_parts(T x) {
  const T n = round_even(x * like(x, 1.44269504088896341f));
  T r = fnma(n, like(x, 0.693359375f), x);
  r = fnma(n, like(x, -2.12194440e-4f), r);
  const T p = polynomial(r, 1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                         1.6666665459e-1f, 5.0000001201e-1f);
  return {n, fma(r * r, p, r)};
}

// 2^n for whole n in [-126, 127].
template <class I>
HOTLOOP_MATH auto power_of_2(I n) {
  return as_float(shift_left<23>(n + like(n, 127)));
}

// x 2^n for whole n in [-252, 254], which may lie outside a float's exponents: two halves, of which only the
// second multiplication can round.
template <class T>
HOTLOOP_MATH T scale(T x, T whole) {
  const auto n = to_int(whole);
  const auto half = shift_right<1>(n + like(n, 512)) - like(n, 256);
  return x * power_of_2(half) * power_of_2(n - half);
}

// e^x within 1.1 ulp for every float, denormal results and infinities included.
template <class T>
HOTLOOP_MATH_BIG T exp(T x) {
  const ExpParts<T> parts = exp_parts(clamp(x, -105.0f, 89.0f));
  return scale(like(x, 1.0f) + parts.minus_1, parts.n);
}

// e^x - 1, small x included, where its value is x.
template <class T>
HOTLOOP_MATH_BIG T expm1(T x) {
  const ExpParts<T> parts = exp_parts(clamp(x, -25.0f, 89.0f));
  const auto n = to_int(parts.n);
  const T half = power_of_2(n - like(n, 1));  // half of 2^n, as n may be 128
  const T value = fma(half, parts.minus_1, half - like(x, 0.5f));
  // Doubling what was halved would drop a denormal's last bit.
  return select(less(abs(x), like(x, 1e-30f)), x, value + value);
}

}  // namespace
}  // namespace hotloop
