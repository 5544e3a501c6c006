// A column has one owner, who takes 16 columns at a time down all the rows.
#include "cpu/simd/simd.h"

#include "ops/norm/batch_norm.h"
#include "ops/norm/batch_norm_rules.h"

namespace hotloop {
namespace {

struct Two {
  F32 first, second;
};

template <class F>
HOTLOOP_INLINE Two sum_rows(std::int64_t rows, const F& add_row) {
  Two total{splat(0.0f), splat(0.0f)};
  for (std::int64_t begin = 0; begin < rows; begin += kRowBlock) {
    const std::int64_t end = begin + kRowBlock < rows ? begin + kRowBlock : rows;
    Two block{splat(0.0f), splat(0.0f)};
    for (std::int64_t r = begin; r < end; ++r) add_row(r, block);
    total = {total.first + block.first, total.second + block.second};
  }
  return total;
}

HOTLOOP_INLINE F32 load_or_splat(const float* p, std::int64_t count, float otherwise) {
  return p != nullptr ? load_or(p, count) : splat(otherwise);
}

HOTLOOP_INLINE void add_or_store(float* p, F32 value, bool accumulate, std::int64_t count) {
  store_or(p, accumulate ? load_or(p, count) + value : value, count);
}

// Columns c to c + count of args, count at most 16.
struct Columns {
  const BatchNormArgs& args;
  std::int64_t c, count;

  HOTLOOP_INLINE F32 row(const float* x, std::int64_t r) const {
    return load_or(x + r * args.cols + c, count);
  }
  HOTLOOP_INLINE F32 of(const float* p, float otherwise = 0.0f) const {
    return load_or_splat(p != nullptr ? p + c : nullptr, count, otherwise);
  }

  // The mean over the rows; add_term(sum, r) adds what row r has of it.
  template <class F>
  HOTLOOP_INLINE F32 mean_of(const F& add_term) const {
    const F32 total =
        sum_rows(args.rows, [&](std::int64_t r, Two& s) { s.first = add_term(s.first, r); }).first;
    return total / splat(static_cast<float>(args.rows));
  }
  HOTLOOP_INLINE Moments moments(const float* x) const {
    const F32 center = mean_of([&](F32 sum, std::int64_t r) { return sum + row(x, r); });
    const F32 variance = mean_of([&](F32 sum, std::int64_t r) { return add_square(sum, row(x, r), center); });
    const Moments found(center, variance, args.epsilon);
    return all_fit(variance) ? found : shrunk_moments(x, found);
  }
  // Out of line, where it takes no registers from what is nearly always enough.
  __attribute__((noinline)) Moments shrunk_moments(const float* x, const Moments& found) const {
    const auto small = [&](std::int64_t r) { return row(x, r) * splat(kShrink); };
    const F32 center = mean_of([&](F32 sum, std::int64_t r) { return sum + small(r); });
    const F32 variance = mean_of([&](F32 sum, std::int64_t r) { return add_square(sum, small(r), center); });
    return with_shrunk(found, center, variance, args.epsilon);
  }

  HOTLOOP_INLINE void normalize(const float* x, float* y, F32 mean, F32 inverse, std::int64_t begin,
                                std::int64_t end) const {
    const F32 factor = inverse * of(args.gamma, 1.0f), beta = of(args.beta);
    for (std::int64_t r = begin; r < end; ++r)
      store_or(y + r * args.cols + c, normalized(row(x, r), mean, factor, beta), count);
  }

  // Sums of dy and of dy times the normalised x; they are the gradients of beta and gamma.
  HOTLOOP_INLINE Two parameter_gradients(const float* x, const float* dy, F32 mean, F32 inverse,
                                         const BatchNormGradients& gradients) const {
    Two total = sum_rows(args.rows, [&](std::int64_t r, Two& sums) {
      const F32 d = row(dy, r);
      sums.first = sums.first + d;
      sums.second = add_product(sums.second, d, row(x, r), mean);
    });
    total.second = total.second * inverse;
    if (gradients.dbeta != nullptr)
      add_or_store(gradients.dbeta + c, total.first, gradients.accumulate_beta, count);
    if (gradients.dgamma != nullptr)
      add_or_store(gradients.dgamma + c, total.second, gradients.accumulate_gamma, count);
    return total;
  }
};

template <class F>
HOTLOOP_INLINE void each_columns(const BatchNormArgs& args, Range range, const F& f) {
  for (std::int64_t c = range.begin; c < range.end; c += kLanes)
    f(Columns{args, c, range.end - c < kLanes ? range.end - c : kLanes});
}

}  // namespace

namespace HOTLOOP_LEVEL {

void batch_norm_train_kernel(const BatchNormArgs& args, const float* x, float* y, float* moving_mean,
                             float* moving_variance, float* mean, float* inverse, Share share) {
  if (args.rows == 0) return;
  each_columns(args, share.of(args.cols, kLanes), [&](const Columns& columns) {
    const std::int64_t c = columns.c, count = columns.count;
    const Moments m = columns.moments(x);
    store_or(mean + c, m.center, count);
    store_or(inverse + c, m.inverse, count);
    store_or(moving_mean + c, moved(columns.of(moving_mean), m.center, args.momentum), count);
    store_or(moving_variance + c, moved(columns.of(moving_variance), m.variance, args.momentum), count);
    columns.normalize(x, y, m.center, m.inverse, 0, args.rows);
  });
}

void batch_norm_infer_kernel(const BatchNormArgs& args, const float* x, const float* moving_mean,
                             const float* moving_variance, float* y, Share share) {
  // Rows are independent here, and there are usually more of them than columns.
  const Range mine = share.of(args.rows);
  if (mine.begin == mine.end) return;
  each_columns(args, {0, args.cols}, [&](const Columns& columns) {
    const F32 inverse = inverse_of(columns.of(moving_variance), args.epsilon);
    columns.normalize(x, y, columns.of(moving_mean), inverse, mine.begin, mine.end);
  });
}

void batch_norm_train_backward_kernel(const BatchNormArgs& args, const float* x, const float* dy,
                                      const float* mean, const float* inverse,
                                      const BatchNormGradients& gradients, Share share) {
  each_columns(args, share.of(args.cols, kLanes), [&](const Columns& columns) {
    const F32 center = columns.of(mean), inv = columns.of(inverse);
    const Two sums = columns.parameter_gradients(x, dy, center, inv, gradients);
    if (gradients.dx == nullptr || args.rows == 0) return;
    const InputGradient gradient(center, inv, columns.of(args.gamma, 1.0f), sums.first, sums.second,
                                 args.rows);
    for (std::int64_t r = 0; r < args.rows; ++r)
      add_or_store(gradients.dx + r * args.cols + columns.c,
                   gradient.of(columns.row(x, r), columns.row(dy, r)), gradients.accumulate, columns.count);
  });
}

void batch_norm_infer_backward_kernel(const BatchNormArgs& args, const float* x, const float* dy,
                                      const float* moving_mean, const float* moving_variance,
                                      const BatchNormGradients& gradients, Share share) {
  const bool parameters = gradients.dgamma != nullptr || gradients.dbeta != nullptr;
  each_columns(args, share.of(args.cols, kLanes), [&](const Columns& columns) {
    const F32 inverse = inverse_of(columns.of(moving_variance), args.epsilon);
    if (parameters) columns.parameter_gradients(x, dy, columns.of(moving_mean), inverse, gradients);
    if (gradients.dx == nullptr) return;
    const F32 factor = inverse * columns.of(args.gamma, 1.0f);
    for (std::int64_t r = 0; r < args.rows; ++r)
      add_or_store(gradients.dx + r * args.cols + columns.c, factor * columns.row(dy, r),
                   gradients.accumulate, columns.count);
  });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
