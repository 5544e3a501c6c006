// The error function. Below 0.927 it is x + x p(x^2), above 1 - exp(t q(t) - t) with t = |x|, the form of
// N. Juffa's erff; p and q are our own minimax fits, errors 1.7e-8 and 7e-10 of the result.
#pragma once
#include "math/exp.h"

namespace hotloop {
namespace {

// Within 1.1 ulp. q is added up in halves, as what follows waits for it.
template <class T>
HOTLOOP_MATH_BIG T erf(T x) {
  const T t = abs(x), one = like(x, 1.0f);
  const T p = polynomial(x * x, -5.9657974634e-4f, 4.9883062020e-3f, -2.6763329282e-2f, 1.1281726509e-1f,
                         -3.7612485886e-1f, 1.2837915123e-1f);
  const T near = clamp(t, 0.0f, 4.0f), square = near * near;
  const T high = polynomial(near, -1.1499451830e-5f, 3.2548964373e-4f, -3.6533877719e-3f);
  const T low = fma(polynomial(near, 2.3785196245e-2f, -1.0626375675e-1f), square,
                    polynomial(near, -6.3513505459e-1f, -1.2865249813e-1f));
  const T q = fma(high, square * square, low);
  const ExpParts<T> parts = exp_parts(fma(q, near, -near));
  const T rest = (one + parts.minus_1) * power_of_2(to_int(parts.n));
  return select(less(t, like(x, 0.927f)), fma(p, x, x), copysign(one - rest, x));
}

}  // namespace
}  // namespace hotloop
