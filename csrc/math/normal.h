// The standard normal distribution, which gelu is made from. The upper tail is
//   Q(x) = exp(-x^2 / 2) g(q) / (x + 2),  q = (x - 4) / (x + 4),  x >= 0,
// the substitution of Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in
// 0 <= x < inf" (Mathematics of Computation 36, 1981); g is our own minimax fit on [0, 15], error 2.2e-8.
#pragma once
#include "math/exp.h"

namespace hotloop {
namespace {

template <class T>
struct Normal {
  T cumulative;  // P(X <= x), to full precision in the lower tail
  T density;
};

template <class T>
HOTLOOP_MATH_BIG Normal<T> normal(T x) {
  const T one = like(x, 1.0f);
  const T a = clamp(abs(x), 0.0f, 15.0f);
  // exp(-a^2 / 2) with what the rounding of a^2 lost, which exp would enlarge a hundredfold.
  const T square = a * a;
  const T lost = fma(a, a, -square);
  const T e = exp(like(x, -0.5f) * square);
  const T bell = fma(e, like(x, -0.5f) * lost, e);
  const T q = (a - like(x, 4.0f)) / (a + like(x, 4.0f));
  const T g =
      polynomial(q, 5.109126796e-4f, 2.432769252e-4f, -4.519991577e-3f, 9.476310574e-3f, -1.325388905e-3f,
                 -4.311088100e-2f, 1.383782774e-1f, -2.671010792e-1f, 5.664638281e-1f);
  const T tail = bell * g / (a + like(x, 2.0f));
  return {select(less(x, like(x, 0.0f)), tail, one - tail), bell * like(x, 0.3989422804f)};
}

}  // namespace
}  // namespace hotloop
