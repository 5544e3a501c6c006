// Activation functions over rows of float32, and their exact derivatives.
#pragma once
#include <cstdint>
#include <optional>

#include "base/types.h"
#include "cpu/isa.h"
#include "ops/activation/activation_list.h"

namespace hotloop {

enum class Activation : std::int32_t {
#define HOTLOOP_KIND(kind, ...) kind,
  HOTLOOP_ELEMENTWISE_ACTIVATIONS(HOTLOOP_KIND) HOTLOOP_ROW_ACTIVATIONS(HOTLOOP_KIND)
#undef HOTLOOP_KIND
};

// A number that belongs to a kind. Python's name for it is null where the kind has none.
struct ActivationNumber {
  enum class Limit { none, not_zero, not_negative };
  const char* name = nullptr;
  double usual = 0.0;
  Limit limit = Limit::none;
};
// What Python is told of a kind.
struct ActivationFacts {
  const char* name;
  const char* other_name;  // "" where there is none
  ActivationNumber alpha, beta;
  bool along_a_row;
};
#define HOTLOOP_ONE(...) +1
inline constexpr int kActivations =
    HOTLOOP_ELEMENTWISE_ACTIVATIONS(HOTLOOP_ONE) HOTLOOP_ROW_ACTIVATIONS(HOTLOOP_ONE);
#undef HOTLOOP_ONE
const ActivationFacts& activation_facts(Activation kind);

// Throws std::invalid_argument naming the known ones; other names are Python's affair.
Activation activation_from_name(const char* name);
const char* activation_name(Activation kind);
bool is_elementwise(Activation kind);

struct ActivationArgs {
  Activation kind;
  // As the kind's line in activation_list.h has them; ignored by kinds without.
  float alpha = 0.0f;
  float beta = 0.0f;
};
// alpha: the usual one where it is absent. Throws std::invalid_argument for an unknown name, a kind along a
// row, and numbers that the kind can't take.
ActivationArgs elementwise_activation(const char* name, std::optional<float> alpha, float beta);
// Whether the derivative follows from the output for these very numbers: a leaky_relu of negative slope, say,
// has outputs that don't tell their inputs.
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
