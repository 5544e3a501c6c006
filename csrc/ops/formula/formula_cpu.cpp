#include "ops/formula/formula.h"

#include "cpu/simd/rows.h"
#include "math/normal.h"
#include "math/sigmoid.h"

namespace hotloop {
namespace {

template <class F>
void apply(F f, const float* x, float* y, Range part) {
  each_vector(part.end - part.begin, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const std::int64_t at = part.begin + i;
    store_or(y + at, f(load_or(x + at, count)), count);
  });
}

}  // namespace

namespace HOTLOOP_LEVEL {

void formula_kernel(Formula formula, const float* x, float* y, std::int64_t n, Share share) {
  const Range part = share.of(n, 1024);
  switch (formula) {
    case Formula::exp:
      return apply([](F32 v) { return exp(v); }, x, y, part);
    case Formula::expm1:
      return apply([](F32 v) { return expm1(v); }, x, y, part);
    case Formula::log:
      return apply([](F32 v) { return log(v); }, x, y, part);
    case Formula::log1p:
      return apply([](F32 v) { return log1p(v); }, x, y, part);
    case Formula::tanh:
      return apply([](F32 v) { return tanh(v); }, x, y, part);
    case Formula::sigmoid:
      return apply([](F32 v) { return sigmoid(v); }, x, y, part);
    case Formula::softplus:
      return apply([](F32 v) { return softplus(v); }, x, y, part);
    case Formula::normal_cumulative:
      return apply([](F32 v) { return normal(v).cumulative; }, x, y, part);
    case Formula::normal_density:
      return apply([](F32 v) { return normal(v).density; }, x, y, part);
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
