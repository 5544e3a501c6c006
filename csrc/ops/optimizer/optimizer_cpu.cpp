// Keras 3's update rules, 16 parameters at a time: the arenas are read once and written once.
#include "cpu/simd/simd.h"
#include "ops/optimizer/optimizer_kernels.h"

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
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const F32 error = fnma(x, y, one);
    y = fma(y, fma(error, error, error), y);
  }
  return y;
}

// v = momentum v - lr g; w += v, or with Nesterov w += momentum v - lr g.
template <bool kMomentum, bool kNesterov>
struct Sgd {
  static constexpr bool kUses[kOptimizerSlots] = {kMomentum, false, false};
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
  static constexpr bool kUses[kOptimizerSlots] = {true, kMomentum, kCentered};
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
  static constexpr bool kUses[kOptimizerSlots] = {true, true, kAmsgrad};
  static HOTLOOP_INLINE void update(const Splat& s, Lanes& x) {
    F32 &m = x.slot[0], &v = x.slot[1];
    m = cut(fma(s.take_1, x.g - m, m), 0x1p-60f);
    v = cut(fnma(s.take_2, fnma(x.g, x.g, v), v), 0x1p-102f);
    F32 second = v;
    if constexpr (kAmsgrad) second = x.slot[2] = max(x.slot[2], v);
    x.w = fnma(s.learning_rate * m, reciprocal(sqrt(second) + s.epsilon), x.w);
  }
};

template <class Rule>
HOTLOOP_INLINE void step_lanes(const Splat& s, bool decays, float* w, const float* g, float* const* slots,
                               std::int64_t i, std::int64_t count) {
  Lanes x;
  x.w = load_or(w + i, count);
  // In this order a NaN comes through the clamp.
  x.g = min(s.high, max(s.low, load_or(g + i, count) * s.gradient_scale));
  for (int k = 0; k < kOptimizerSlots; ++k)
    if (Rule::kUses[k]) x.slot[k] = load_or(slots[k] + i, count);
  if (decays) x.w = fnma(s.decay, x.w, x.w);
  Rule::update(s, x);
  store_or(w + i, x.w, count);
  for (int k = 0; k < kOptimizerSlots; ++k)
    if (Rule::kUses[k]) store_or(slots[k] + i, x.slot[k], count);
}

// Memory is asked for ahead of its turn: so many streams at once are more than the hardware follows at full
// speed. Of a row, that is the same place one or more rows below, even past the end of the block: what comes
// next is most often there.
template <class Rule>
void step_block(const OptimizerScalars& scalars, const OptimizerBlock& b) {
  constexpr std::int64_t kAhead = 512;
  const Splat s = splat_all(scalars);
  const bool decays = scalars.decay != 0.0f;
  const std::int64_t rows_ahead = b.rows > 1 ? (kAhead + b.cols - 1) / b.cols : 0;
  const std::int64_t ahead = b.rows > 1 ? rows_ahead * b.row : kAhead;
  const std::int64_t g_ahead = b.rows > 1 ? rows_ahead * b.g_row : kAhead;
  const void *const *place = b.ahead, *const *places_end = b.ahead + b.ahead_count;
  for (std::int64_t row = 0; row < b.rows; ++row) {
    float *w = b.w + row * b.row, *slots[kOptimizerSlots];
    for (int k = 0; k < kOptimizerSlots; ++k) slots[k] = Rule::kUses[k] ? b.slots[k] + row * b.row : nullptr;
    const float* g = b.g + row * b.g_row;
    std::int64_t i = 0;
    for (; i + kLanes <= b.cols; i += kLanes) {
      if (i % (4 * kLanes) == 0 && place < places_end) __builtin_prefetch(*place++);
      __builtin_prefetch(w + i + ahead, 1);
      __builtin_prefetch(g + i + g_ahead);
      for (int k = 0; k < kOptimizerSlots; ++k)
        if (Rule::kUses[k]) __builtin_prefetch(slots[k] + i + ahead, 1);
      step_lanes<Rule>(s, decays, w, g, slots, i, kLanes);
    }
    if (i < b.cols) step_lanes<Rule>(s, decays, w, g, slots, i, b.cols - i);
  }
}

struct Square {
  static HOTLOOP_INLINE F32 add(F32 total, F32 x) { return fma(x, x, total); }
};
struct Absolute {
  static HOTLOOP_INLINE F32 add(F32 total, F32 x) { return total + abs(x); }
};

// Vector k of a block goes to chain k mod 4; the four are folded at the end.
template <class Term>
HOTLOOP_INLINE float sum_block(const float* x, std::int64_t n) {
  F32 chain[4] = {splat(0.0f), splat(0.0f), splat(0.0f), splat(0.0f)};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int k = 0; k < 4; ++k) chain[k] = Term::add(chain[k], load(x + i + k * kLanes));
  for (int k = 0; k < 4 && i < n; ++k, i += kLanes) chain[k] = Term::add(chain[k], load_or(x + i, n - i));
  return sum((chain[0] + chain[1]) + (chain[2] + chain[3]));
}

template <class Term>
void sum_blocks(const float* x, std::int64_t n, float* partial, Share share) {
  const Range mine = share.of((n + kSumBlock - 1) / kSumBlock);
  for (std::int64_t b = mine.begin; b < mine.end; ++b) {
    const std::int64_t left = n - b * kSumBlock;
    partial[b] = sum_block<Term>(x + b * kSumBlock, left < kSumBlock ? left : kSumBlock);
  }
}

HOTLOOP_INLINE void regularize(const float* w, float* g, F32 l1, F32 twice_l2, std::int64_t count) {
  const F32 x = load_or(w, count), zero = splat(0.0f);
  const F32 towards_zero = select(less(zero, x), l1, select(less(x, zero), -l1, zero));
  store_or(g, load_or(g, count) + fma(twice_l2, x, towards_zero), count);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void optimizer_step_kernel(const OptimizerScalars& s, const OptimizerBlock& b) {
  const bool momentum = s.momentum != 0.0f;
  switch (s.kind) {
    case Optimizer::sgd:
      if (!momentum) return step_block<Sgd<false, false>>(s, b);
      if (s.nesterov) return step_block<Sgd<true, true>>(s, b);
      return step_block<Sgd<true, false>>(s, b);
    case Optimizer::rmsprop:
      if (momentum && s.centered) return step_block<RmsProp<true, true>>(s, b);
      if (momentum) return step_block<RmsProp<true, false>>(s, b);
      if (s.centered) return step_block<RmsProp<false, true>>(s, b);
      return step_block<RmsProp<false, false>>(s, b);
    case Optimizer::adam:
      if (s.amsgrad) return step_block<Adam<true>>(s, b);
      return step_block<Adam<false>>(s, b);
  }
}

void add_regularizer_gradient_kernel(const float* w, float* g, float l1, float twice_l2, std::int64_t n,
                                     Share share) {
  const F32 one = splat(l1), two = splat(twice_l2);
  const Range mine = share.of(n, 4 * kLanes);
  std::int64_t i = mine.begin;
  for (; i + kLanes <= mine.end; i += kLanes) regularize(w + i, g + i, one, two, kLanes);
  if (i < mine.end) regularize(w + i, g + i, one, two, mine.end - i);
}

void sum_squares_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share) {
  sum_blocks<Square>(x, n, partial, share);
}

void sum_absolute_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share) {
  sum_blocks<Absolute>(x, n, partial, share);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
