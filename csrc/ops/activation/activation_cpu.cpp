#include "ops/activation/activation_kernels.h"

#include "cpu/simd/rows.h"
#include "math/smooth_activation.h"

namespace hotloop {
namespace {

// Elements that a thread takes at a time.
constexpr std::int64_t kGrain = 1024;

// Calls apply with the formula of args.kind.
template <class Apply>
HOTLOOP_INLINE void with_formula(const ActivationArgs& args, Apply apply) {
  const float alpha = args.alpha;
  switch (args.kind) {
    case Activation::linear:
      return apply(Linear{});
    case Activation::relu:
      return apply(Relu{});
    case Activation::relu6:
      return apply(Ramp{0.0f, 0.0f, 6.0f, 1.0f});
    case Activation::leaky_relu:
      return apply(LeakyRelu{alpha});
    case Activation::elu:
      return apply(Elu{alpha, 1.0f, 1.0f});
    case Activation::selu:
      return apply(Selu{{1.67326324f, 1.05070099f, 1.0f}});
    case Activation::celu:
      return apply(Elu{alpha, 1.0f, alpha});
    case Activation::sigmoid:
      return apply(SigmoidCurve{});
    case Activation::tanh:
      return apply(Tanh{});
    case Activation::softplus:
      return apply(Softplus{});
    case Activation::softsign:
      return apply(Softsign{});
    case Activation::exponential:
      return apply(Exponential{});
    case Activation::hard_sigmoid:
      return apply(Ramp{3.0f, 0.0f, 6.0f, 1.0f / 6.0f});
    case Activation::hard_tanh:
      return apply(Ramp{0.0f, -1.0f, 1.0f, 1.0f});
    case Activation::log_sigmoid:
      return apply(LogSigmoid{});
    case Activation::threshold:
      return apply(Threshold{alpha, args.beta});
    case Activation::sparse_sigmoid:
      return apply(Ramp{1.0f, 0.0f, 2.0f, 0.5f});
    case Activation::gelu:
      return apply(Gelu{});
    case Activation::gelu_tanh:
      return apply(GeluTanh{});
    case Activation::silu:
      return apply(Silu{});
    case Activation::mish:
      return apply(Mish{});
    case Activation::hard_silu:
      return apply(HardSilu{});
    case Activation::tanh_shrink:
      return apply(TanhShrink{});
    case Activation::soft_shrink:
      return apply(SoftShrink{alpha});
    case Activation::hard_shrink:
      return apply(HardShrink{alpha});
    case Activation::squareplus:
      return apply(Squareplus{alpha});
    case Activation::sparse_plus:
      return apply(SparsePlus{});
    default:
      return;  // the kinds along a row have kernels of their own
  }
}

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
