#include "ops/activation/activation.h"

#include <cstring>

#include "base/error.h"
#include "ops/activation/activation_kernels.h"

namespace hotloop {
namespace {

using Limit = ActivationNumber::Limit;
constexpr ActivationNumber none;
constexpr ActivationNumber number(const char* name, double usual, Limit limit = Limit::none) {
  return {name, usual, limit};
}

// In the order of the enumeration.
constexpr ActivationFacts kFacts[] = {
#define HOTLOOP_FACTS(kind, other_name, alpha, beta, ...) {#kind, other_name, alpha, beta, false},
    HOTLOOP_ELEMENTWISE_ACTIVATIONS(HOTLOOP_FACTS)
#undef HOTLOOP_FACTS
#define HOTLOOP_FACTS(kind, ...) {#kind, "", none, none, true},
        HOTLOOP_ROW_ACTIVATIONS(HOTLOOP_FACTS)
#undef HOTLOOP_FACTS
};

void check(const ActivationFacts& kind, const ActivationNumber& number, float value) {
  require(number.limit != Limit::not_zero || value != 0.0f, "activation ", kind.name, ": expected a number ",
          number.name, " that is not 0");
  require(number.limit != Limit::not_negative || value >= 0.0f, "activation ", kind.name,
          ": expected a number ", number.name, " of at least 0, got ", value);
}

}  // namespace

const ActivationFacts& activation_facts(Activation kind) { return kFacts[static_cast<int>(kind)]; }

Activation activation_from_name(const char* name) {
  std::string known;
  for (int i = 0; i < kActivations; ++i) {
    if (std::strcmp(name, kFacts[i].name) == 0) return static_cast<Activation>(i);
    known.append(known.empty() ? "" : ", ").append(kFacts[i].name);
  }
  throw std::invalid_argument(message("activation: expected one of ", known, ", got '", name, "'"));
}

const char* activation_name(Activation kind) { return activation_facts(kind).name; }

bool is_elementwise(Activation kind) { return !activation_facts(kind).along_a_row; }

bool derivative_from_output(const ActivationArgs& args) {
  [[maybe_unused]] const float alpha = args.alpha, beta = args.beta;
  switch (args.kind) {
#define HOTLOOP_CASE(kind, other_name, first, second, from_output, ...) \
  case Activation::kind:                                                \
    return from_output;
    HOTLOOP_ELEMENTWISE_ACTIVATIONS(HOTLOOP_CASE)
#undef HOTLOOP_CASE
#define HOTLOOP_CASE(kind, from_output) \
  case Activation::kind:                \
    return from_output;
    HOTLOOP_ROW_ACTIVATIONS(HOTLOOP_CASE)
#undef HOTLOOP_CASE
  }
  return false;
}

ActivationArgs elementwise_activation(const char* name, std::optional<float> alpha, float beta) {
  const Activation kind = activation_from_name(name);
  require(is_elementwise(kind), "activation: expected an elementwise one, got '", name,
          "', which works along a row; apply it by itself");
  const ActivationFacts& facts = activation_facts(kind);
  const ActivationArgs args{kind, alpha.value_or(static_cast<float>(facts.alpha.usual)), beta};
  check(facts, facts.alpha, args.alpha);
  check(facts, facts.beta, args.beta);
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
