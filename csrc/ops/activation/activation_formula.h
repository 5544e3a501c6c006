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
  const float alpha = args.alpha, beta = args.beta;
  switch (args.kind) {
#define HOTLOOP_CASE(kind, other_name, first, second, from_output, ...) \
  case Activation::kind:                                                \
    return apply(__VA_ARGS__);
    HOTLOOP_ELEMENTWISE_ACTIVATIONS(HOTLOOP_CASE)
#undef HOTLOOP_CASE
    default:
      return;  // the kinds along a row have kernels of their own
  }
}

}  // namespace
}  // namespace hotloop
