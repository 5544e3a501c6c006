#include "ops/activation/activation.h"

#include <iterator>

#include "base/names.h"
#include "ops/activation/activation_kernels.h"

namespace hotloop {
namespace {

// In the order of the enumeration.
constexpr const char* kNames[] = {
    "linear",     "relu",           "relu6",        "leaky_relu",  "elu",
    "selu",       "celu",           "sigmoid",      "tanh",        "softplus",
    "softsign",   "exponential",    "hard_sigmoid", "hard_tanh",   "log_sigmoid",
    "threshold",  "sparse_sigmoid", "gelu",         "gelu_tanh",   "silu",
    "mish",       "hard_silu",      "tanh_shrink",  "soft_shrink", "hard_shrink",
    "squareplus", "sparse_plus",    "softmax",      "log_softmax", "sparsemax",
    "glu",
};
static_assert(std::size(kNames) == static_cast<std::size_t>(Activation::glu) + 1);

}  // namespace

Activation activation_from_name(const char* name) {
  return static_cast<Activation>(index_of(name, kNames, "activation"));
}

const char* activation_name(Activation kind) { return kNames[static_cast<int>(kind)]; }

bool is_elementwise(Activation kind) { return kind < Activation::softmax; }

bool derivative_from_output(Activation kind) {
  return kind < Activation::gelu || (kind >= Activation::softmax && kind != Activation::glu);
}

bool derivative_from_output(const ActivationArgs& args) {
  switch (args.kind) {
    case Activation::leaky_relu:
    case Activation::elu:
    case Activation::celu:
      return args.alpha >= 0.0f;
    case Activation::threshold:
      return args.beta <= args.alpha;
    default:
      return derivative_from_output(args.kind);
  }
}

float default_alpha(Activation kind) {
  switch (kind) {
    case Activation::leaky_relu:
      return 0.2f;
    case Activation::elu:
    case Activation::celu:
      return 1.0f;
    case Activation::soft_shrink:
    case Activation::hard_shrink:
      return 0.5f;
    case Activation::squareplus:
      return 4.0f;
    default:
      return 0.0f;
  }
}

ActivationArgs elementwise_activation(const char* name, std::optional<float> alpha, float beta) {
  const Activation kind = activation_from_name(name);
  require(is_elementwise(kind), "activation: expected an elementwise one, got '", name,
          "', which works along a row; apply it by itself");
  const ActivationArgs args{kind, alpha.value_or(default_alpha(kind)), beta};
  require(kind != Activation::celu || args.alpha != 0.0f, "activation celu: expected an alpha that is not 0");
  return args;
}

void activation_forward(const ActivationArgs& args, const float* x, float* y, std::int64_t n, Share share) {
  HOTLOOP_SELECT(activation_forward_kernel)(args, x, y, n, share);
}

void activation_backward(const ActivationArgs& args, const float* x, const float* y, const float* dy,
                         float* dx, bool accumulate, std::int64_t n, Share share) {
  HOTLOOP_SELECT(activation_backward_kernel)(args, x, y, dy, dx, accumulate, n, share);
}

void row_activation_forward(Activation kind, const float* x, float* y, std::int64_t rows, std::int64_t cols,
                            Share share) {
  HOTLOOP_SELECT(row_activation_forward_kernel)(kind, x, y, rows, cols, share);
}

void row_activation_backward(Activation kind, const float* x, const float* y, const float* dy, float* dx,
                             bool accumulate, std::int64_t rows, std::int64_t cols, Share share) {
  HOTLOOP_SELECT(row_activation_backward_kernel)(kind, x, y, dy, dx, accumulate, rows, cols, share);
}

}  // namespace hotloop
