// Which formula an elementwise activation is. Include the vector vocabulary first: cpu/simd/rows.h or
// cuda/device/rows.h.
#pragma once
#include "math/smooth_activation.h"
#include "ops/activation/activation.h"

namespace hotloop {
namespace {

// Calls apply with the formula of args.kind.
template <class Apply>
HOTLOOP_MATH_CHOICE void with_formula(const ActivationArgs& args, Apply apply) {
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

}  // namespace
}  // namespace hotloop
