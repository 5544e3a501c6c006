// The logistic function and what is made from it. All go through e = exp(-|x|), which never overflows.
#pragma once
#include "math/exp.h"
#include "math/log.h"

namespace hotloop {
namespace {

template <class T>
struct Sigmoid {
  T value;       // 1 / (1 + exp(-x))
  T complement;  // 1 / (1 + exp(x)), to full precision where value is next to 1
};

template <class T>
HOTLOOP_MATH Sigmoid<T> sigmoid_pair(T x) {
  const T one = like(x, 1.0f);
  const T e = exp(-abs(x));
  const T large = one / (one + e), small = e * large;
  const auto negative = less(x, like(x, 0.0f));
  return {select(negative, small, large), select(negative, large, small)};
}

template <class T>
HOTLOOP_MATH T sigmoid(T x) {
  return sigmoid_pair(x).value;
}

// log(1 + exp(x))
template <class T>
HOTLOOP_MATH T softplus(T x) {
  return max(like(x, 0.0f), x) + log1p(exp(-abs(x)));
}

// (1 - exp(-2|x|)) / (1 + exp(-2|x|)) with x's sign.
template <class T>
HOTLOOP_MATH T tanh(T x) {
  const T e = expm1(like(x, -2.0f) * abs(x));
  return copysign(-e / (like(x, 2.0f) + e), x);
}

}  // namespace
}  // namespace hotloop
