// Losses that are a mean or a sum over the columns of a row: Keras 3's formulas, with its epsilon of 1e-7.
// Each is a struct called with a prediction and a target.
#pragma once
#include "math/sigmoid.h"

namespace hotloop {
namespace {

template <class T>
struct LossPoint {
  T loss;
  T slope;        // d loss / d prediction
  T probability;  // what the prediction says: its sigmoid where predictions are logits
};

template <class T>
HOTLOOP_MATH T square(T x) {
  return x * x;
}
// -1, 0 or 1; NaN for NaN.
template <class T>
HOTLOOP_MATH T sign(T x) {
  const T zero = like(x, 0.0f);
  return select(equal(x, zero), zero, select(is_nan(x), x, copysign(like(x, 1.0f), x)));
}
// slope where low <= x <= high, else 0: the derivative through a clip.
template <class T>
HOTLOOP_MATH T inside(T x, float low, float high, T slope) {
  const T zero = like(x, 0.0f);
  return select(less(x, like(x, low)), zero, select(less(like(x, high), x), zero, slope));
}

struct SquaredError {
  float factor;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T scaled = like(p, factor) * (p - y);
    return {scaled * (p - y), scaled + scaled, p};
  }
};

struct AbsoluteError {
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    return {abs(p - y), sign(p - y), p};
  }
};

struct Huber {
  float delta;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T error = p - y, size = abs(error), d = like(p, delta), half = like(p, 0.5f);
    const auto near = less_equal(size, d);
    return {select(near, half * error * error, d * (size - half * d)), select(near, error, d * sign(error)),
            p};
  }
};

struct BinaryCrossentropy {
  float epsilon, nearly_one, smoothing;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T one = like(p, 1.0f);
    const T target = fma(y, like(p, 1.0f - smoothing), like(p, 0.5f * smoothing));
    const T q = clamp(p, epsilon, nearly_one);
    const T loss = -fma(target, log(q), (one - target) * log(one - q));
    return {loss, inside(p, epsilon, nearly_one, (q - target) / (q * (one - q))), p};
  }
};

// max(x, 0) - x y + log(1 + exp(-|x|)), whose derivative is sigmoid(x) - y.
struct BinaryLogits {
  float smoothing;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T x, T y) const {
    const T target = fma(y, like(x, 1.0f - smoothing), like(x, 0.5f * smoothing));
    const T probability = sigmoid(x);
    return {fnma(x, target, max(like(x, 0.0f), x)) + log1p(exp(-abs(x))), probability - target, probability};
  }
};

// max(1 - y p, 0) with y in {-1, 1}, or in {0, 1}, which stands for the same; its square.
template <class T>
HOTLOOP_MATH T hinge_target(T y) {
  return select(equal(y, like(y, 0.0f)), like(y, -1.0f), y);
}
struct Hinge {
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T target = hinge_target(y), zero = like(p, 0.0f);
    const T margin = fnma(target, p, like(p, 1.0f));
    return {max(zero, margin), select(less(zero, margin), -target, zero), p};
  }
};
struct SquaredHinge {
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T target = hinge_target(y);
    const T margin = max(like(p, 0.0f), fnma(target, p, like(p, 1.0f)));
    return {margin * margin, like(p, -2.0f) * target * margin, p};
  }
};

// log cosh e = |e| + log(1 + exp(-2|e|)) - log 2; for small e, where that cancels, log(1 + h^2 / (2 (1 + h)))
// with h = exp|e| - 1.
struct LogCosh {
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T error = p - y, size = abs(error), one = like(p, 1.0f);
    const T h = expm1(min(one, size));
    const T small = log1p(h * h / (like(p, 2.0f) * (one + h)));
    const T large = (size - like(p, 0.693147181f)) + log1p(exp(like(p, -2.0f) * size));
    return {select(less(size, one), small, large), tanh(error), p};
  }
};

struct Poisson {
  float epsilon;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T q = p + like(p, epsilon);
    return {fnma(y, log(q), p), like(p, 1.0f) - y / q, p};
  }
};

struct KlDivergence {
  float epsilon;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T target = clamp(y, epsilon, 1.0f), q = clamp(p, epsilon, 1.0f);
    return {target * log(target / q), inside(p, epsilon, 1.0f, -(target / q)), p};
  }
};

struct AbsolutePercentageError {
  float epsilon;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T scale = like(p, 100.0f) / max(like(p, epsilon), abs(y));
    return {abs(p - y) * scale, sign(p - y) * scale, p};
  }
};

struct SquaredLogarithmicError {
  float epsilon;
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T y) const {
    const T q = max(like(p, epsilon), p);
    const T error = log1p(q) - log1p(max(like(p, epsilon), y));
    const T slope = (error + error) / (like(p, 1.0f) + q);
    return {error * error, inside(p, epsilon, __builtin_inff(), slope), p};
  }
};

// The prediction is the loss.
struct GivenLoss {
  template <class T>
  HOTLOOP_MATH LossPoint<T> operator()(T p, T) const {
    return {p, like(p, 1.0f), p};
  }
};

}  // namespace
}  // namespace hotloop
