// Losses over classes. Rows go in groups of 16, so that their logarithms are taken in one vector: row by row
// the reductions, then the losses of the whole group.
#include "cpu/simd/rows.h"
#include "math/exp.h"
#include "math/log.h"
#include "ops/loss/loss_kernels.h"

namespace hotloop {
namespace {

// What remains of each row of a group for the end: its loss is factor * log(inner) + rest.
struct Group {
  float inner[kLanes], factor[kLanes], rest[kLanes];
};

HOTLOOP_INLINE void finish(const LossArgs& args, const Group& group, std::int64_t first, int count) {
  const F32 loss = fma(load(group.factor), log(load(group.inner)), load(group.rest));
  const F32 weight = args.weight != nullptr ? load_or(args.weight + first, count) : splat(1.0f);
  store_or(args.row_loss + first, loss * weight, count);
}

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
  HOTLOOP_INLINE F32 at(std::int64_t i, int count) const {
    return keep_first(fma(load_or(y + i, count), splat(keep), splat(add)), count, splat(0.0f));
  }
};

// Softmax cross-entropy: log(sum exp(x - max)) * sum(y) - sum y (x - max); gradient softmax(x) * sum(y) - y.
template <class Targets>
HOTLOOP_INLINE void logits_row(const LossArgs& args, Targets targets, std::int64_t r, Group& group,
                               int slot) {
  constexpr bool kSparse = requires { targets.t; };
  const std::int64_t n = args.cols, at = r * n;
  const float* x = args.prediction + at;
  const F32 zero = splat(0.0f), lowest = splat(-__builtin_inff());
  const bool short_row = n <= kLanes;  // stays in registers
  const int all = static_cast<int>(n);
  if constexpr (kSparse) group.rest[slot] = -x[targets.t];
  const F32 first = short_row ? load_or(x, all) : zero;
  const float highest = short_row ? largest(keep_first(first, all, lowest)) : row_largest(x, n);
  float* probability = args.probability != nullptr ? args.probability + at : nullptr;
  float* gradient = args.gradient != nullptr ? args.gradient + at : nullptr;
  // Exponentials of a long row wait in whichever output there is.
  float* keep = probability != nullptr ? probability : gradient;

  const F32 top = splat(highest);
  F32 total = zero, mass = zero, products = zero, e = zero;
  const auto gather = [&](F32 v, std::int64_t i, int count) HOTLOOP_BODY {
    const F32 shifted = v - top;
    e = keep_first(exp(shifted), count, zero);
    total = total + e;
    if constexpr (!kSparse) {
      const F32 y = targets.at(i, count);
      mass = mass + y;
      products = fma(y, shifted, products);
    }
  };
  if (short_row) {
    gather(first, 0, all);
  } else {
    each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
      gather(load_or(x + i, count), i, count);
      if (keep != nullptr) store_or(keep + i, e, count);
    });
  }
  const float inner = sum(total);
  float factor = 1.0f;
  if constexpr (kSparse) {
    group.rest[slot] += highest;
  } else {
    factor = sum(mass);
    group.rest[slot] = -sum(products);
  }
  group.inner[slot] = inner;
  group.factor[slot] = factor;
  if (keep == nullptr) return;

  const F32 share_of = splat(1.0f) / splat(inner), weight = splat(row_scale(args, r)), whole = splat(factor);
  const auto write = [&](F32 exponential, std::int64_t i, int count) HOTLOOP_BODY {
    const F32 p = exponential * share_of;
    if (probability != nullptr) store_or(probability + i, p, count);
    if (gradient != nullptr) store_or(gradient + i, (p * whole - targets.at(i, count)) * weight, count);
  };
  if (short_row)
    write(e, 0, all);
  else
    each_vector(n,
                [&](std::int64_t i, int count) HOTLOOP_BODY { write(load_or(keep + i, count), i, count); });
}

// Cross-entropy of probabilities: q = p / sum(p), clipped. Through the clip and the sum the gradient is
// (mass - y / q) / sum(p), where mass and y count the columns inside the clip alone.
HOTLOOP_INLINE F32 unclipped(F32 q, F32 value) {
  const F32 zero = splat(0.0f);
  return select(less(q, splat(kLossEpsilon)), zero, select(less(splat(kLossNearlyOne), q), zero, value));
}
HOTLOOP_INLINE F32 clipped(F32 q) { return clamp(q, kLossEpsilon, kLossNearlyOne); }

HOTLOOP_INLINE float row_sum(const float* x, std::int64_t n) {
  F32 total = splat(0.0f);
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY { total = total + load_or(x + i, count); });
  return sum(total);
}

template <class Targets>
HOTLOOP_INLINE void probabilities_row(const LossArgs& args, Targets targets, std::int64_t r, Group& group,
                                      int slot) {
  constexpr bool kSparse = requires { targets.t; };
  const std::int64_t n = args.cols, at = r * n;
  const float* x = args.prediction + at;
  const F32 zero = splat(0.0f), whole = splat(row_sum(x, n));
  F32 mass = zero, loss = zero;
  if constexpr (kSparse) {
    const F32 q = splat(x[targets.t]) / whole;
    group.inner[slot] = largest(clipped(q));
    group.factor[slot] = -1.0f;
    group.rest[slot] = 0.0f;
    mass = select(first_lanes(1), unclipped(q, splat(1.0f)), zero);
  } else {
    each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
      const F32 q = load_or(x + i, count) / whole, y = targets.at(i, count);
      loss = fnma(y, log(clipped(q)), loss);
      mass = mass + unclipped(q, y);
    });
    group.inner[slot] = 1.0f;
    group.factor[slot] = 0.0f;
    group.rest[slot] = sum(loss);
  }
  if (args.gradient == nullptr) return;
  const F32 counted = splat(sum(mass)), scale = splat(row_scale(args, r)) / whole;
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const F32 q = load_or(x + i, count) / whole;
    const F32 own = unclipped(q, targets.at(i, count) / q);
    store_or(args.gradient + at + i, (counted - own) * scale, count);
  });
}

// max over the wrong classes of (1 - y) p, less sum y p, plus 1, if positive. Classes that tie for the
// maximum share its derivative.
HOTLOOP_INLINE void hinge_row(const LossArgs& args, std::int64_t r, Group& group, int slot) {
  const std::int64_t n = args.cols, at = r * n;
  const float *x = args.prediction + at, *y = args.target + at;
  const F32 zero = splat(0.0f), one = splat(1.0f), lowest = splat(-__builtin_inff());
  F32 right = zero, wrong = lowest;
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const F32 p = load_or(x + i, count), target = load_or(y + i, count);
    right = fma(target, p, right);
    wrong = max(keep_first((one - target) * p, count, lowest), wrong);
  });
  const F32 worst = splat(largest(wrong));
  const F32 margin = (worst - splat(sum(right))) + one;
  group.inner[slot] = 1.0f;
  group.factor[slot] = 0.0f;
  group.rest[slot] = largest(max(zero, margin));
  if (args.gradient == nullptr) return;
  F32 ties = zero;
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const F32 product = (one - load_or(y + i, count)) * load_or(x + i, count);
    ties = ties + keep_first(select(equal(product, worst), one, zero), count, zero);
  });
  const F32 part = one / splat(sum(ties));
  const F32 scale = select(less(zero, margin), splat(row_scale(args, r)), zero);
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const F32 target = load_or(y + i, count), rest = one - target;
    const F32 tied = select(equal(rest * load_or(x + i, count), worst), rest * part, zero);
    store_or(args.gradient + at + i, (tied - target) * scale, count);
  });
}

template <class Row>
HOTLOOP_INLINE void groups(const LossArgs& args, Range part, Row row) {
  for (std::int64_t first = part.begin; first < part.end; first += kLanes) {
    const int count = part.end - first < kLanes ? static_cast<int>(part.end - first) : kLanes;
    Group group = {};
    for (int slot = 0; slot < count; ++slot) row(first + slot, group, slot);
    finish(args, group, first, count);
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void class_loss_kernel(const LossArgs& args, Share share) {
  if (args.cols <= 0) return;
  const Range part = rows_of(share, args.rows, args.cols);
  const auto sparse = [&](std::int64_t r) { return Sparse{args.sparse_target[r]}; };
  const auto dense = [&](std::int64_t r) {
    return Dense{args.target + r * args.cols, 1.0f - args.label_smoothing,
                 args.label_smoothing / static_cast<float>(args.cols)};
  };
  if (args.kind == Loss::categorical_hinge)
    groups(args, part, [&](std::int64_t r, Group& group, int slot) { hinge_row(args, r, group, slot); });
  else if (args.kind == Loss::sparse_categorical_crossentropy && args.from_logits)
    groups(args, part,
           [&](std::int64_t r, Group& group, int slot) { logits_row(args, sparse(r), r, group, slot); });
  else if (args.kind == Loss::sparse_categorical_crossentropy)
    groups(args, part, [&](std::int64_t r, Group& group, int slot) {
      probabilities_row(args, sparse(r), r, group, slot);
    });
  else if (args.from_logits)
    groups(args, part,
           [&](std::int64_t r, Group& group, int slot) { logits_row(args, dense(r), r, group, slot); });
  else
    groups(args, part, [&](std::int64_t r, Group& group, int slot) {
      probabilities_row(args, dense(r), r, group, slot);
    });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
