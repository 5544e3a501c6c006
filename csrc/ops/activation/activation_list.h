// Every activation, a line each. From these lines are made the enumeration, the names and numbers that Python
// takes, what the derivative needs, and the kernels' choice of a formula.
#pragma once

// X(kind, other names for it, first number, second number, whether the derivative follows from the output
// alone, formula). The last two may look at the numbers, alpha and beta; a number is its name in Python, what
// it is where nothing is said, and what it may be.
// clang-format off
#define HOTLOOP_ELEMENTWISE_ACTIVATIONS(X)                                                                  \
  X(linear,         "",           none, none, true,  Linear{})                                              \
  X(relu,           "",           none, none, true,  Relu{})                                                \
  X(relu6,          "",           none, none, true,  Ramp{0.0f, 0.0f, 6.0f, 1.0f})                          \
  X(leaky_relu,     "",           number("negative_slope", 0.2), none, alpha >= 0.0f, LeakyRelu{alpha})     \
  X(elu,            "",           number("alpha", 1.0), none, alpha >= 0.0f, Elu{alpha, 1.0f, 1.0f})        \
  X(selu,           "",           none, none, true,  Selu{{1.67326324f, 1.05070099f, 1.0f}})                \
  X(celu,           "",           number("alpha", 1.0, Limit::not_zero), none, alpha >= 0.0f,               \
                                  Elu{alpha, 1.0f, alpha})                                                  \
  X(sigmoid,        "",           none, none, true,  SigmoidCurve{})                                        \
  X(tanh,           "",           none, none, true,  Tanh{})                                                \
  X(softplus,       "",           none, none, true,  Softplus{})                                            \
  X(softsign,       "",           none, none, true,  Softsign{})                                            \
  X(exponential,    "",           none, none, true,  Exponential{})                                         \
  X(hard_sigmoid,   "",           none, none, true,  Ramp{3.0f, 0.0f, 6.0f, 1.0f / 6.0f})                   \
  X(hard_tanh,      "",           none, none, true,  Ramp{0.0f, -1.0f, 1.0f, 1.0f})                         \
  X(log_sigmoid,    "",           none, none, true,  LogSigmoid{})                                          \
  X(threshold,      "",           number("threshold", 0.0), number("default_value", 0.0), beta <= alpha,    \
                                  Threshold{alpha, beta})                                                   \
  X(sparse_sigmoid, "",           none, none, true,  Ramp{1.0f, 0.0f, 2.0f, 0.5f})                          \
  X(gelu,           "",           none, none, false, Gelu{})                                                \
  X(gelu_tanh,      "",           none, none, false, GeluTanh{})                                            \
  X(silu,           "swish",      none, none, false, Silu{})                                                \
  X(mish,           "",           none, none, false, Mish{})                                                \
  X(hard_silu,      "hard_swish", none, none, false, HardSilu{})                                            \
  X(tanh_shrink,    "",           none, none, false, TanhShrink{})                                          \
  X(soft_shrink,    "softshrink", number("threshold", 0.5, Limit::not_negative), none, false,               \
                                  SoftShrink{alpha})                                                        \
  X(hard_shrink,    "hardshrink", number("threshold", 0.5, Limit::not_negative), none, false,               \
                                  HardShrink{alpha})                                                        \
  X(squareplus,     "",           number("b", 4.0, Limit::not_negative), none, false, Squareplus{alpha})    \
  X(sparse_plus,    "",           none, none, false, SparsePlus{})

// X(kind, whether the derivative follows from the output alone); row_activation_rows.h has the formulas.
#define HOTLOOP_ROW_ACTIVATIONS(X) \
  X(softmax,     true)             \
  X(log_softmax, true)             \
  X(sparsemax,   true)             \
  X(glu,         false)
// clang-format on
