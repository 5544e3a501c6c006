#include "ops/activation/activation_kernels.h"

#include "cpu/simd/rows.h"

#include "ops/activation/activation_formula.h"

namespace hotloop {
namespace {

// Elements that a thread takes at a time.
constexpr std::int64_t kGrain = 1024;

template <class Formula>
void forward(Formula f, const float* x, float* y, Range part) {
  each_vector(part.end - part.begin, [&](std::int64_t i, int count) HOTLOOP_BODY {
    store_or(y + part.begin + i, f.value(load_or(x + part.begin + i, count)), count);
  });
}

// Where only one of x and y is at hand the other is made from it: y is f(x), and x is not needed but for what
// the formulas say of y in its place.
template <class Formula>
void backward(Formula f, const float* x, const float* y, const float* dy, float* dx, bool accumulate,
              Range part) {
  each_vector(part.end - part.begin, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const std::int64_t at = part.begin + i;
    const F32 input = load_or((x != nullptr ? x : y) + at, count);
    const F32 output = y != nullptr ? load_or(y + at, count) : f.value(input);
    const F32 gradient = load_or(dy + at, count) * f.slope(input, output);
    store_or(dx + at, accumulate ? load_or(dx + at, count) + gradient : gradient, count);
  });
}

}  // namespace

namespace HOTLOOP_LEVEL {

void activation_forward_kernel(const ActivationArgs& args, const float* x, float* y, std::int64_t n,
                               Share share) {
  const Range part = share.of(n, kGrain);
  with_formula(args, [=](auto formula) { forward(formula, x, y, part); });
}

void activation_backward_kernel(const ActivationArgs& args, const float* x, const float* y, const float* dy,
                                float* dx, bool accumulate, std::int64_t n, Share share) {
  const Range part = share.of(n, kGrain);
  with_formula(args, [=](auto formula) { backward(formula, x, y, dy, dx, accumulate, part); });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
