// Remainders of divisions and whole quotients, as NumPy's mod and floor_divide have them: what is left has
// the sign of the divisor. Exact for every pair of floats: a quotient that is rounded to 24 bits and then to
// a whole number leaves a rest that is a float again, 24 bits shorter; for quotients beyond floats the
// divisor is first multiplied by powers of two.
#pragma once
#include "math/rounding.h"

namespace hotloop {
namespace {

// What is left of x by a divisor, between minus half of it and half of it once `steps` times 24 bits are
// gone; x where the divisor is infinite.
template <class T>
HOTLOOP_MATH T without_multiples(T x, T divisor, int steps) {
  const auto finite = less(abs(divisor), like(x, __builtin_inff()));
  for (int step = 0; step < steps; ++step) x = select(finite, fnma(round_even(x / divisor), divisor, x), x);
  return x;
}

template <class T>
HOTLOOP_MATH_BIG T floor_mod(T a, T b) {
  const T zero = like(a, 0.0f), large = like(a, 1.0384593717069655e34f);  // 2^113
  const T larger = b * large;
  // Quotients are below 2^(277 - 226), 2^113 and 2^113.
  T rest = without_multiples(a, larger * large, 3);
  rest = without_multiples(rest, larger, 5);
  rest = without_multiples(rest, b, 5);
  const T other_sign = select(less(b, zero), -rest, rest);
  rest = select(less(other_sign, zero), rest + b, rest);
  rest = select(equal(rest, zero), copysign(zero, b), rest);
  rest = select(less(abs(a), like(a, __builtin_inff())), rest, like(a, __builtin_nanf("")));
  rest = select(is_nan(b), b, rest);
  return select(is_nan(rest), like(a, __builtin_nanf("")), rest);
}

// The whole number below a / b; from 2^24 on within two units of its last place.
template <class T>
HOTLOOP_MATH_BIG T floor_quotient(T a, T b) {
  const T half = like(a, 0.5f), zero = like(a, 0.0f);
  const T rest = floor_mod(a, b), ratio = a / b;
  // Halves, as a - rest may be beyond floats; what they and the division lose is found by the rest.
  const T near = round_even((a * half - rest * half) / b * like(a, 2.0f));
  const T lost = round_even((fnma(near, b, a) - rest) / b);
  T whole = select(less(abs(near), like(a, 16777216.0f)), near + lost, near);
  whole = select(equal(whole, zero), copysign(zero, ratio), whole);
  // Of an infinite divisor the rest is a, or the divisor where signs differ.
  const T below = select(equal(rest, a), copysign(zero, ratio), like(a, -1.0f));
  const auto finite = less(abs(b), like(a, __builtin_inff()));
  whole = select(is_nan(rest), rest, select(finite, whole, below));
  return select(equal(b, zero), ratio, whole);
}

}  // namespace
}  // namespace hotloop
