// Whole numbers next to x. Those of all but the nearest follow from it; zeros keep the sign of x.
#pragma once
#include "math/common.h"

namespace hotloop {
namespace {

template <class T>
HOTLOOP_MATH T floor(T x) {
  const T near = round_even(x);
  return copysign(select(less(x, near), near - like(x, 1.0f), near), x);
}

template <class T>
HOTLOOP_MATH T ceil(T x) {
  const T near = round_even(x);
  return copysign(select(less(near, x), near + like(x, 1.0f), near), x);
}

template <class T>
HOTLOOP_MATH T trunc(T x) {
  return copysign(floor(abs(x)), x);
}

}  // namespace
}  // namespace hotloop
