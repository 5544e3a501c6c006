// Activation functions over rows of float32, and their exact derivatives.
#pragma once
#include <cstdint>
#include <optional>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

enum class Activation : std::int32_t {
  // Elementwise; for the first group the derivative follows from the output alone.
  linear,
  relu,
  relu6,
  leaky_relu,
  elu,
  selu,
  celu,
  sigmoid,
  tanh,
  softplus,
  softsign,
  exponential,
  hard_sigmoid,
  hard_tanh,
  log_sigmoid,
  threshold,
  sparse_sigmoid,
  // Elementwise; the derivative needs the input.
  gelu,
  gelu_tanh,
  silu,
  mish,
  hard_silu,
  tanh_shrink,
  soft_shrink,
  hard_shrink,
  squareplus,
  sparse_plus,
  // Along a row.
  softmax,
  log_softmax,
  sparsemax,
  glu,
};

// Throws std::invalid_argument naming the known ones. Keras's aliases (swish, hard_swish) are Python's
// affair.
Activation activation_from_name(const char* name);
const char* activation_name(Activation kind);
bool is_elementwise(Activation kind);
bool derivative_from_output(Activation kind);

struct ActivationArgs {
  Activation kind;
  // leaky_relu: negative slope; elu, celu: alpha; threshold: threshold; soft/hard_shrink: threshold;
  // squareplus: b. Ignored by the others. `beta` is threshold's replacement value.
  float alpha = 0.0f;
  float beta = 0.0f;
};
float default_alpha(Activation kind);
// alpha: the default where it is absent. Throws std::invalid_argument for an unknown name, a kind along a
// row, and numbers that the kind can't take.
ActivationArgs elementwise_activation(const char* name, std::optional<float> alpha, float beta);
// As above, for these very numbers: a leaky_relu of negative slope, say, has outputs that don't tell their
// inputs.
bool derivative_from_output(const ActivationArgs& args);

// y[i] = f(x[i]) for elementwise kinds; x may be y.
void activation_forward(const ActivationArgs& args, const float* x, float* y, std::int64_t n, Share share);
// dx[i] = f'(x[i]) * dy[i]; y may be null where x is given, and x where y is given and
// derivative_from_output(args). dx may be dy.
// accumulate: dx[i] += instead.
void activation_backward(const ActivationArgs& args, const float* x, const float* y, const float* dy,
                         float* dx, bool accumulate, std::int64_t n, Share share);
// The kinds along a row: x and y are rows x cols, contiguous (glu's y has cols / 2).
void row_activation_forward(Activation kind, const float* x, float* y, std::int64_t rows, std::int64_t cols,
                            Share share);
void row_activation_backward(Activation kind, const float* x, const float* y, const float* dy, float* dx,
                             bool accumulate, std::int64_t rows, std::int64_t cols, Share share);

// The same functions in double, one number or one row at a time.
double activation_ref(const ActivationArgs& args, double x);
double activation_derivative_ref(const ActivationArgs& args, double x);
void row_activation_ref(Activation kind, const double* x, double* y, std::int64_t cols);
void row_activation_gradient_ref(Activation kind, const double* x, const double* dy, double* dx,
                                 std::int64_t cols);

}  // namespace hotloop
