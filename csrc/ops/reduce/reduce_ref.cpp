#include <cmath>

#include "ops/reduce/reduce.h"

namespace hotloop {
namespace {

// The numbers that one of y is made of.
struct Line {
  const float* x;
  std::int64_t n, step;
  double operator[](std::int64_t j) const { return x[j * step]; }
};

// Calls each(line, where the line begins in x, where its result is in y).
template <class Each>
void each_line(ReduceShape s, const float* x, Each each) {
  for (std::int64_t o = 0; o < s.outer; ++o)
    for (std::int64_t i = 0; i < s.inner; ++i)
      each(Line{x == nullptr ? nullptr : x + o * s.n * s.inner + i, s.n, s.inner}, o * s.n * s.inner + i,
           o * s.inner + i);
}

// The first place of the largest number times `sign`.
std::int64_t first_largest(const Line& line, double sign) {
  std::int64_t at = 0;
  for (std::int64_t j = 1; j < line.n && !std::isnan(line[at]); ++j)
    if (std::isnan(line[j]) || sign * line[j] > sign * line[at]) at = j;
  return at;
}

double sign_of(Reduction kind) { return kind == Reduction::min ? -1.0 : 1.0; }
bool adds(Reduction kind) { return kind == Reduction::sum || kind == Reduction::mean; }

}  // namespace

void reduce_forward_ref(Reduction kind, ReduceShape shape, const float* x, float* y) {
  each_line(shape, x, [&](const Line& line, std::int64_t, std::int64_t to) {
    if (!adds(kind)) {
      y[to] = static_cast<float>(line[first_largest(line, sign_of(kind))]);
      return;
    }
    double sum = 0;
    for (std::int64_t j = 0; j < line.n; ++j) sum += line[j];
    y[to] = static_cast<float>(kind == Reduction::mean ? sum / static_cast<double>(line.n) : sum);
  });
}

void reduce_backward_ref(Reduction kind, ReduceShape shape, const float* x, const float* dy, float* dx,
                         bool accumulate) {
  each_line(shape, x, [&](const Line& line, std::int64_t from, std::int64_t to) {
    const std::int64_t at = adds(kind) ? -1 : first_largest(line, sign_of(kind));
    const double part = kind == Reduction::mean ? dy[to] / static_cast<double>(line.n) : dy[to];
    for (std::int64_t j = 0; j < line.n; ++j) {
      float& gradient = dx[from + j * line.step];
      const double before = accumulate ? gradient : 0.0;
      gradient = static_cast<float>(before + (at < 0 || at == j ? part : 0.0));
    }
  });
}

void argmax_ref(ReduceShape shape, const float* x, std::int32_t* y) {
  each_line(shape, x, [&](const Line& line, std::int64_t, std::int64_t to) {
    y[to] = static_cast<std::int32_t>(first_largest(line, 1.0));
  });
}

}  // namespace hotloop
