// The elementwise activations whose derivative needs the input: slope(x, y) does not look at y. A product
// with x is taken of x inside limits beyond which the other factor is 0 or 1 anyway, so that infinities meet
// no 0 * inf.
#pragma once
#include "math/activation.h"

namespace hotloop {
namespace {

struct Gelu {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return max(like(x, -15.0f), x) * normal(x).cumulative;
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const Normal<T> n = normal(x);
    return fma(clamp(x, -15.0f, 15.0f), n.density, n.cumulative);
  }
};

// 0.5 x (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
struct GeluTanh {
  template <class T>
  HOTLOOP_MATH T twice_u(T x) const {
    return x * fma(x * x, like(x, 2 * 0.7978845608f * 0.044715f), like(x, 2 * 0.7978845608f));
  }
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    const T near = max(like(x, -15.0f), x);
    return near * sigmoid(twice_u(clamp(x, -15.0f, 15.0f)));
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const T near = clamp(x, -15.0f, 15.0f);
    const Sigmoid<T> s = sigmoid_pair(twice_u(near));
    const T du = fma(near * near, like(x, 6 * 0.7978845608f * 0.044715f), like(x, 2 * 0.7978845608f));
    return fma(near * du, s.value * s.complement, s.value);
  }
};

struct Silu {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return max(like(x, -120.0f), x) * sigmoid(x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const Sigmoid<T> s = sigmoid_pair(x);
    return fma(clamp(x, -120.0f, 120.0f) * s.value, s.complement, s.value);
  }
};

// x tanh(softplus(x)). With e = exp(-|x|), tanh(softplus(x)) = p / (p + q), where p, q = 1 + 2e, 2 e^2 for
// positive x and e (e + 2), 2 for negative x.
struct Mish {
  template <class T>
  struct Parts {
    T gate, complement;  // tanh(softplus(x)), and 1 minus it
  };
  template <class T>
  HOTLOOP_MATH Parts<T> parts(T x, T e) const {
    const T one = like(x, 1.0f), two = like(x, 2.0f);
    const auto negative = less(x, like(x, 0.0f));
    const T p = select(negative, e * (e + two), fma(two, e, one));
    const T q = select(negative, two, two * e * e);
    return {p / (p + q), q / (p + q)};
  }
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return max(like(x, -120.0f), x) * parts(x, exp(-abs(x))).gate;
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const Parts<T> m = parts(x, exp(-abs(x)));
    const T sech_squared = m.complement * (like(x, 1.0f) + m.gate);
    return fma(clamp(x, -120.0f, 120.0f) * sech_squared, sigmoid(x), m.gate);
  }
};

// x relu6(x + 3) / 6
struct HardSilu {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return max(like(x, -3.0f), x) * (clamp(x + like(x, 3.0f), 0.0f, 6.0f) * like(x, 1.0f / 6.0f));
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const T inside = fma(x, like(x, 1.0f / 3.0f), like(x, 0.5f));
    const T rising = select(less(x, like(x, 3.0f)), inside, like(x, 1.0f));
    return select(less_equal(x, like(x, -3.0f)), like(x, 0.0f), rising);
  }
};

struct TanhShrink {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return x - tanh(x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const T t = tanh(x);
    return t * t;
  }
};

struct SoftShrink {
  float threshold;
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return x - clamp(x, -threshold, threshold);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    return indicator(less(like(x, threshold), abs(x)), x);
  }
};

struct HardShrink {
  float threshold;
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return select(less_equal(abs(x), like(x, threshold)), like(x, 0.0f), x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    return indicator(less(like(x, threshold), abs(x)), x);
  }
};

// (x + r) / 2 with r = sqrt(x^2 + b); where that cancels, b / (2 (r - x)). The derivative is value / r.
struct Squareplus {
  float b;
  template <class T>
  HOTLOOP_MATH T root(T size) const {
    // b is below the last place of a square this large, which might overflow.
    return select(less(size, like(size, 1e15f)), sqrt(fma(size, size, like(size, b))), size);
  }
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    const T size = abs(x), r = root(size), half = like(x, 0.5f);
    const T twice = fma(half, r, half * size);
    return select(less(x, like(x, 0.0f)), like(x, 0.25f * b) / twice, twice);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    const T near = clamp(x, -1e30f, 1e30f), r = root(abs(near)), zero = like(x, 0.0f);
    return select(equal(r, zero), zero, value(near) / r);
  }
};

// 0 below -1, (x + 1)^2 / 4, x above 1
struct SparsePlus {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    const T up = max(like(x, 0.0f), x + like(x, 1.0f));
    return select(less(x, like(x, 1.0f)), up * up * like(x, 0.25f), x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    return clamp(x + like(x, 1.0f), 0.0f, 2.0f) * like(x, 0.5f);
  }
};

}  // namespace
}  // namespace hotloop
