// Keras 3's update rules in the vector vocabulary, which whoever includes this has included before: the CPU's
// kernels and the GPU's are made of the same formulas.
#pragma once
#include "math/common.h"
#include "ops/optimizer/optimizer.h"

namespace hotloop {
namespace {

// The scalars in every lane.
struct Splat {
  F32 learning_rate, decay, gradient_scale, low, high, momentum, keep_1, take_1, take_2, epsilon;
};

HOTLOOP_INLINE Splat splat_all(const OptimizerScalars& s) {
  return {splat(s.learning_rate), splat(s.decay),    splat(s.gradient_scale), splat(-s.clip_value),
          splat(s.clip_value),    splat(s.momentum), splat(s.keep_1),         splat(s.take_1),
          splat(s.take_2),        splat(s.epsilon)};
}

// One vector's worth of parameters, gradients and state.
struct Lanes {
  F32 w, g, slot[kOptimizerSlots];
};

// x without its bits below 2^-24 of `unit`. State that no gradient feeds any more would else fade into the
// numbers below 1e-38, with which every CPU is slow, and stay there.
HOTLOOP_INLINE F32 cut(F32 x, float unit) { return (x + splat(unit)) - splat(unit); }

// 1 / x for x > 0: a guess from the bits (off by an eighth at most), then two steps that each triple the
// digits there are. A division costs the divider, which the square roots need, twice the time; these are
// additions and multiplications, and so the same on every level. x is kept where nothing overflows: 1 / 0 is
// only large, and a parameter that never had a gradient stays where it is.
HOTLOOP_INLINE F32 reciprocal(F32 x) {
  const F32 one = splat(1.0f);
  x = min(splat(0x1p120f), max(splat(0x1p-120f), x));  // in this order a NaN comes through
  F32 y = as_float(splat(0x7ef311c7) - as_int(x));
  F32 error = fnma(x, y, one);
  y = fma(y, fma(error, error, error), y);
  error = fnma(x, y, one);
  return fma(y, fma(error, error, error), y);
}

// v = momentum v - lr g; w += v, or with Nesterov w += momentum v - lr g.
template <bool kMomentum, bool kNesterov>
struct Sgd {
  static constexpr bool uses(int slot) { return kMomentum && slot == 0; }
  static HOTLOOP_INLINE void update(const Splat& s, Lanes& x) {
    if constexpr (!kMomentum) {
      x.w = fnma(s.learning_rate, x.g, x.w);
    } else {
      F32& v = x.slot[0];
      v = fnma(s.learning_rate, x.g, s.momentum * v);
      x.w = kNesterov ? fnma(s.learning_rate, x.g, fma(s.momentum, v, x.w)) : x.w + v;
    }
  }
};

// r = rho r + (1 - rho) g^2; step = lr g / sqrt(r + eps); centred: r - mean(g)^2 instead of r.
template <bool kMomentum, bool kCentered>
struct RmsProp {
  static constexpr bool uses(int slot) { return slot == 0 || (slot == 1 ? kMomentum : kCentered); }
  static HOTLOOP_INLINE void update(const Splat& s, Lanes& x) {
    F32& r = x.slot[0];
    r = fma(s.take_1, x.g * x.g, s.keep_1 * r);
    F32 variance = r;
    if constexpr (kCentered) {
      F32& mean = x.slot[2];
      mean = fma(s.take_1, x.g, s.keep_1 * mean);
      // Rounding can leave it just below zero when gradients hardly change.
      variance = max(splat(0.0f), fnma(mean, mean, r));
    }
    const F32 step = (s.learning_rate * x.g) * reciprocal(sqrt(variance + s.epsilon));
    if constexpr (kMomentum) {
      F32& v = x.slot[1];
      v = fma(s.momentum, v, step);
      x.w = x.w - v;
    } else {
      x.w = x.w - step;
    }
  }
};

// m += (1 - b1)(g - m); v += (1 - b2)(g^2 - v); w -= alpha m / (sqrt(v) + eps).
template <bool kAmsgrad>
struct Adam {
  static constexpr bool uses(int slot) { return slot < 2 || kAmsgrad; }
  static HOTLOOP_INLINE void update(const Splat& s, Lanes& x) {
    F32 &m = x.slot[0], &v = x.slot[1];
    m = cut(fma(s.take_1, x.g - m, m), 0x1p-60f);
    v = cut(fnma(s.take_2, fnma(x.g, x.g, v), v), 0x1p-102f);
    F32 second = v;
    if constexpr (kAmsgrad) second = x.slot[2] = max(x.slot[2], v);
    x.w = fnma(s.learning_rate * m, reciprocal(sqrt(second) + s.epsilon), x.w);
  }
};

// From x as it was loaded to x as it is stored.
template <class Rule>
HOTLOOP_INLINE void step_lanes(const Splat& s, bool decays, Lanes& x) {
  // In this order a NaN comes through the clamp.
  x.g = min(s.high, max(s.low, x.g * s.gradient_scale));
  if (decays) x.w = fnma(s.decay, x.w, x.w);
  Rule::update(s, x);
}

// Calls run with the rule that the scalars ask for.
template <class Run>
HOTLOOP_MATH_CHOICE void with_rule(const OptimizerScalars& s, const Run& run) {
  const bool momentum = s.momentum != 0.0f;
  switch (s.kind) {
    case Optimizer::sgd:
      if (!momentum) return run(Sgd<false, false>{});
      if (s.nesterov) return run(Sgd<true, true>{});
      return run(Sgd<true, false>{});
    case Optimizer::rmsprop:
      if (momentum && s.centered) return run(RmsProp<true, true>{});
      if (momentum) return run(RmsProp<true, false>{});
      if (s.centered) return run(RmsProp<false, true>{});
      return run(RmsProp<false, false>{});
    case Optimizer::adam:
      if (s.amsgrad) return run(Adam<true>{});
      return run(Adam<false>{});
  }
}

// The terms of the sums over blocks. Vector k of a block goes to chain k mod 4; the four chains are folded at
// the end: lane by lane (0 + 1) + (2 + 3), then the lanes.
constexpr int kSumChains = 4;
struct Square {
  static HOTLOOP_INLINE F32 add(F32 total, F32 x) { return fma(x, x, total); }
  static HOTLOOP_INLINE F32 shrunk(F32 x) { return x * splat(0x1p-80f); }
};
struct Absolute {
  static HOTLOOP_INLINE F32 add(F32 total, F32 x) { return total + abs(x); }
  static HOTLOOP_INLINE F32 shrunk(F32 x) { return (x * splat(0x1p-80f)) * splat(0x1p-80f); }
};
// The same term times 2^-160: what that loses at the lower end is nothing beside a sum beyond float32.
template <class Term>
struct Shrunk {
  static HOTLOOP_INLINE F32 add(F32 total, F32 x) { return Term::add(total, Term::shrunk(x)); }
};

template <class Term>
HOTLOOP_INLINE float sum_chains(const float* x, std::int64_t n) {
  F32 chain[kSumChains] = {splat(0.0f), splat(0.0f), splat(0.0f), splat(0.0f)};
  std::int64_t i = 0;
  for (; i + kSumChains * kLanes <= n; i += kSumChains * kLanes)
    for (int k = 0; k < kSumChains; ++k) chain[k] = Term::add(chain[k], load(x + i + k * kLanes));
  for (int k = 0; k < kSumChains && i < n; ++k, i += kLanes)
    chain[k] = Term::add(chain[k], load_or(x + i, n - i));
  return sum((chain[0] + chain[1]) + (chain[2] + chain[3]));
}
// Whether a block's sum is kept as it is; else it is minus the shrunk one.
HOTLOOP_INLINE bool fits(float sum) { return sum <= 0x1.fffffep127f; }

// g + 2 l2 w + l1 sign(w)
HOTLOOP_INLINE F32 regularized(F32 g, F32 w, F32 l1, F32 twice_l2) {
  const F32 zero = splat(0.0f);
  const F32 towards_zero = select(less(zero, w), l1, select(less(w, zero), -l1, zero));
  return g + fma(twice_l2, w, towards_zero);
}

}  // namespace
}  // namespace hotloop
