// Numbers as the unevaluated sum of two floats (Dekker, "A floating-point technique for extending the
// available precision", 1971; Knuth's sum): what one rounding loses is the second.
#pragma once
#include "math/common.h"

namespace hotloop {
namespace {

template <class T>
struct TwoFloats {
  T high, low;
};

// a + b exactly.
template <class T>
HOTLOOP_MATH TwoFloats<T> two_sum(T a, T b) {
  const T high = a + b, back = high - a;
  return {high, (a - (high - back)) + (b - back)};
}

// The same where |a| >= |b|, or a is 0.
template <class T>
HOTLOOP_MATH TwoFloats<T> quick_two_sum(T a, T b) {
  const T high = a + b;
  return {high, b - (high - a)};
}

// a b exactly, unless the low part is denormal.
template <class T>
HOTLOOP_MATH TwoFloats<T> two_product(T a, T b) {
  const T high = a * b;
  return {high, fma(a, b, -high)};
}

}  // namespace
}  // namespace hotloop
