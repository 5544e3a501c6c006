// Losses over classes, one row at a time. Include the vector vocabulary first: cpu/simd/rows.h or
// cuda/device/rows.h.
#pragma once
#include "math/exp.h"
#include "math/log.h"
#include "ops/loss/loss.h"

namespace hotloop {
namespace {

// What a row's reductions leave for the end: its loss is factor * log(inner) + rest.
struct ClassRow {
  float inner, factor, rest;
};
HOTLOOP_INLINE F32 class_loss(F32 inner, F32 factor, F32 rest) { return fma(factor, log(inner), rest); }

HOTLOOP_INLINE float row_scale(const LossArgs& args, std::int64_t r) {
  return args.weight != nullptr ? args.gradient_scale * args.weight[r] : args.gradient_scale;
}

// 1 in the lane of column t of a vector that starts at column i.
HOTLOOP_INLINE F32 one_hot(std::int64_t t, std::int64_t i) {
  return select(equal(lane_numbers(), splat(static_cast<float>(t - i))), splat(1.0f), splat(0.0f));
}

// A row's targets as they enter the loss: one-hot, or numbers, smoothed.
struct Sparse {
  std::int64_t t;
  HOTLOOP_INLINE F32 at(std::int64_t i, int) const { return one_hot(t, i); }
};
struct Dense {
  const float* y;
  float keep, add;
  HOTLOOP_INLINE F32 of(F32 target) const { return fma(target, splat(keep), splat(add)); }
  HOTLOOP_INLINE F32 at(std::int64_t i, int count) const {
    return keep_first(of(load_or(y + i, count)), count, splat(0.0f));
  }
};

HOTLOOP_INLINE F32 logits_slope(F32 p, F32 whole, F32 y, F32 weight) { return (p * whole - y) * weight; }

// Softmax cross-entropy: log(sum exp(x - max)) * sum(y) - sum y (x - max); gradient softmax(x) * sum(y) - y.
template <class Targets>
HOTLOOP_INLINE ClassRow logits_row(const LossArgs& args, Targets targets, std::int64_t r) {
  constexpr bool kSparse = requires { targets.t; };
  const std::int64_t n = args.cols, at = r * n;
  const float* x = args.prediction + at;
  const F32 zero = splat(0.0f), lowest = splat(-__builtin_inff());
  const bool short_row = n <= kLanes;  // stays in registers
  const int all = static_cast<int>(n);
  float rest = 0.0f;
  if constexpr (kSparse) rest = -x[targets.t];  // before a gradient is written in its place
  const F32 first = short_row ? load_or(x, all) : zero;
  const float highest = short_row ? largest(keep_first(first, all, lowest)) : row_largest(x, n);
  float* probability = args.probability != nullptr ? args.probability + at : nullptr;
  float* gradient = args.gradient != nullptr ? args.gradient + at : nullptr;
  // Exponentials of a long row wait in whichever output there is.
  float* keep = probability != nullptr ? probability : gradient;

  const F32 top = splat(highest);
  constexpr int kSums = kSparse ? 1 : 3;  // of exponentials, and of targets and their products
  F32 e = zero;
  const auto gather = [&](F32 v, std::int64_t i, int count, F32(&sums)[kSums]) HOTLOOP_BODY {
    const F32 shifted = v - top;
    e = keep_first(exp(shifted), count, zero);
    sums[0] = sums[0] + e;
    if constexpr (!kSparse) {
      const F32 y = targets.at(i, count);
      sums[1] = sums[1] + y;
      sums[2] = fma(y, shifted, sums[2]);
    }
  };
  RowSums<kSums> total;
  if (short_row) {
    gather(first, 0, all, total.of);
  } else {
    total = sum_vectors<kSums>(n, [&](std::int64_t i, int count, F32(&sums)[kSums]) HOTLOOP_BODY {
      gather(load_or(x + i, count), i, count, sums);
      if (keep != nullptr) store_or(keep + i, e, count);
    });
  }
  const float inner = sum(total.of[0]);
  float factor = 1.0f;
  if constexpr (kSparse) {
    rest += highest;
  } else {
    factor = sum(total.of[1]);
    rest = -sum(total.of[2]);
  }
  const ClassRow row{inner, factor, rest};
  if (keep == nullptr) return row;

  const F32 share_of = splat(1.0f) / splat(inner), weight = splat(row_scale(args, r)), whole = splat(factor);
  const auto write = [&](F32 exponential, std::int64_t i, int count) HOTLOOP_BODY {
    const F32 p = exponential * share_of;
    if (probability != nullptr) store_or(probability + i, p, count);
    if (gradient != nullptr)
      store_or(gradient + i, logits_slope(p, whole, targets.at(i, count), weight), count);
  };
  if (short_row)
    write(e, 0, all);
  else
    each_vector(n,
                [&](std::int64_t i, int count) HOTLOOP_BODY { write(load_or(keep + i, count), i, count); });
  return row;
}

// Cross-entropy of probabilities: q = p / sum(p), clipped. Through the clip and the sum the gradient is
// (mass - y / q) / sum(p), where mass and y count the columns inside the clip alone.
HOTLOOP_INLINE F32 unclipped(F32 q, F32 value) {
  const F32 zero = splat(0.0f);
  return select(less(q, splat(kLossEpsilon)), zero, select(less(splat(kLossNearlyOne), q), zero, value));
}
HOTLOOP_INLINE F32 clipped(F32 q) { return clamp(q, kLossEpsilon, kLossNearlyOne); }

HOTLOOP_INLINE float row_sum(const float* x, std::int64_t n) {
  const auto total = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1])
                                           HOTLOOP_BODY { sums[0] = sums[0] + load_or(x + i, count); });
  return sum(total.of[0]);
}

template <class Targets>
HOTLOOP_INLINE ClassRow probabilities_row(const LossArgs& args, Targets targets, std::int64_t r) {
  constexpr bool kSparse = requires { targets.t; };
  const std::int64_t n = args.cols, at = r * n;
  const float* x = args.prediction + at;
  const F32 zero = splat(0.0f), whole = splat(row_sum(x, n));
  F32 mass = zero;
  ClassRow row{1.0f, 0.0f, 0.0f};
  if constexpr (kSparse) {
    const F32 q = splat(x[targets.t]) / whole;
    row = {largest(clipped(q)), -1.0f, 0.0f};
    mass = select(first_lanes(1), unclipped(q, splat(1.0f)), zero);
  } else {
    const auto total = sum_vectors<2>(n, [&](std::int64_t i, int count, F32(&sums)[2]) HOTLOOP_BODY {
      const F32 q = load_or(x + i, count) / whole, y = targets.at(i, count);
      sums[0] = fnma(y, log(clipped(q)), sums[0]);
      sums[1] = sums[1] + unclipped(q, y);
    });
    row.rest = sum(total.of[0]);
    mass = total.of[1];
  }
  if (args.gradient == nullptr) return row;
  const F32 counted = splat(sum(mass)), scale = splat(row_scale(args, r)) / whole;
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const F32 q = load_or(x + i, count) / whole;
    const F32 own = unclipped(q, targets.at(i, count) / q);
    store_or(args.gradient + at + i, (counted - own) * scale, count);
  });
  return row;
}

// max over the wrong classes of (1 - y) p, less sum y p, plus 1, if positive. Classes that tie for the
// maximum share its derivative.
HOTLOOP_INLINE ClassRow hinge_row(const LossArgs& args, std::int64_t r) {
  const std::int64_t n = args.cols, at = r * n;
  const float *x = args.prediction + at, *y = args.target + at;
  const F32 zero = splat(0.0f), one = splat(1.0f), lowest = splat(-__builtin_inff());
  F32 wrong = lowest;
  const auto right = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1]) HOTLOOP_BODY {
    const F32 p = load_or(x + i, count), target = load_or(y + i, count);
    sums[0] = fma(target, p, sums[0]);
    wrong = max(keep_first((one - target) * p, count, lowest), wrong);
  });
  const F32 worst = splat(largest(wrong));
  const F32 margin = (worst - splat(sum(right.of[0]))) + one;
  const ClassRow row{1.0f, 0.0f, largest(max(zero, margin))};
  if (args.gradient == nullptr) return row;
  const auto ties = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1]) HOTLOOP_BODY {
    const F32 product = (one - load_or(y + i, count)) * load_or(x + i, count);
    sums[0] = sums[0] + keep_first(select(equal(product, worst), one, zero), count, zero);
  });
  const F32 part = one / splat(sum(ties.of[0]));
  const F32 scale = select(less(zero, margin), splat(row_scale(args, r)), zero);
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const F32 target = load_or(y + i, count), rest = one - target;
    const F32 tied = select(equal(rest * load_or(x + i, count), worst), rest * part, zero);
    store_or(args.gradient + at + i, (tied - target) * scale, count);
  });
  return row;
}

HOTLOOP_INLINE Sparse sparse_targets(const LossArgs& args, std::int64_t r) { return {args.sparse_target[r]}; }
HOTLOOP_INLINE Dense dense_targets(const LossArgs& args, std::int64_t r) {
  return {args.target + r * args.cols, 1.0f - args.label_smoothing,
          args.label_smoothing / static_cast<float>(args.cols)};
}

// Which row a loss has: each writes the row's gradient and probabilities where they are asked for.
struct HingeRow {
  HOTLOOP_INLINE ClassRow operator()(const LossArgs& args, std::int64_t r) const {
    return hinge_row(args, r);
  }
};
struct SparseLogitsRow {
  HOTLOOP_INLINE ClassRow operator()(const LossArgs& args, std::int64_t r) const {
    return logits_row(args, sparse_targets(args, r), r);
  }
};
struct DenseLogitsRow {
  HOTLOOP_INLINE ClassRow operator()(const LossArgs& args, std::int64_t r) const {
    return logits_row(args, dense_targets(args, r), r);
  }
};
struct SparseProbabilitiesRow {
  HOTLOOP_INLINE ClassRow operator()(const LossArgs& args, std::int64_t r) const {
    return probabilities_row(args, sparse_targets(args, r), r);
  }
};
struct DenseProbabilitiesRow {
  HOTLOOP_INLINE ClassRow operator()(const LossArgs& args, std::int64_t r) const {
    return probabilities_row(args, dense_targets(args, r), r);
  }
};

template <class Apply>
HOTLOOP_MATH_CHOICE void with_class_row(const LossArgs& args, Apply apply) {
  const bool sparse = args.kind == Loss::sparse_categorical_crossentropy;
  if (args.kind == Loss::categorical_hinge) return apply(HingeRow{});
  if (args.from_logits && sparse) return apply(SparseLogitsRow{});
  if (args.from_logits) return apply(DenseLogitsRow{});
  if (sparse) return apply(SparseProbabilitiesRow{});
  return apply(DenseProbabilitiesRow{});
}

}  // namespace
}  // namespace hotloop
