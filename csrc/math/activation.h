// The elementwise activations and their derivatives: Keras 3's formulas, TensorFlow's choice of derivative at
// the kinks. Each is a struct with value(x) and slope(x, y), y = value(x). Those here have a derivative that
// follows from the output: x may be y there.
#pragma once
#include "math/normal.h"
#include "math/sigmoid.h"

namespace hotloop {
namespace {

// 1 where the mask holds, else 0.
template <class T, class M>
HOTLOOP_MATH T indicator(M mask, T x) {
  return select(mask, like(x, 1.0f), like(x, 0.0f));
}

struct Linear {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return x;
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    return like(x, 1.0f);
  }
};

struct Relu {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return max(like(x, 0.0f), x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    return indicator(less(like(y, 0.0f), y), y);
  }
};

// clamp(scale * (x + shift), low, high): relu6, hard_sigmoid, hard_tanh and sparse_sigmoid.
struct Ramp {
  float shift, low, high, scale;  // the limits are those of x + shift
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return clamp(x + like(x, shift), low, high) * like(x, scale);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    const T rising = select(less(like(y, low * scale), y), like(y, scale), like(y, 0.0f));
    return select(less(y, like(y, high * scale)), rising, like(y, 0.0f));
  }
};

struct LeakyRelu {
  float alpha;
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return select(less(like(x, 0.0f), x), x, x * like(x, alpha));
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    return select(less(like(x, 0.0f), x), like(x, 1.0f), like(x, alpha));
  }
};

// scale * (x above zero, alpha * (exp(x / width) - 1) below): elu, celu.
struct Elu {
  float alpha, scale, width;
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    const T zero = like(x, 0.0f);
    const T below = like(x, scale * alpha) * expm1(min(zero, x) / like(x, width));
    return select(less(zero, x), like(x, scale) * x, below);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T y) const {
    const T below = (y + like(y, scale * alpha)) / like(y, width);
    const T zero = like(y, 0.0f);
    return select(less(zero, x), like(y, scale), below);
  }
};

// selu is an Elu whose derivative at 0 is that of its right side.
struct Selu : Elu {
  template <class T>
  HOTLOOP_MATH T slope(T x, T y) const {
    return select(less(x, like(x, 0.0f)), y + like(y, scale * alpha), like(y, scale));
  }
};

struct SigmoidCurve {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return sigmoid(x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    return y * (like(y, 1.0f) - y);
  }
};

struct Tanh {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return tanh(x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    return fnma(y, y, like(y, 1.0f));
  }
};

struct Softplus {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return softplus(x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    return -expm1(-y);
  }
};

struct Softsign {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    const T finite = clamp(x, -3e38f, 3e38f);
    return finite / (like(x, 1.0f) + abs(finite));
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    const T rest = like(y, 1.0f) - abs(y);
    return rest * rest;
  }
};

struct Exponential {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return exp(x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    return y;
  }
};

struct LogSigmoid {
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return -softplus(-x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T, T y) const {
    return -expm1(y);
  }
};

struct Threshold {
  float threshold, replacement;
  template <class T>
  HOTLOOP_MATH T value(T x) const {
    return select(less_equal(x, like(x, threshold)), like(x, replacement), x);
  }
  template <class T>
  HOTLOOP_MATH T slope(T x, T) const {
    return indicator(less(like(x, threshold), x), x);
  }
};

}  // namespace
}  // namespace hotloop
