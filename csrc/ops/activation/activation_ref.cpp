// The elementwise activations in double, straight from their definitions.
#include <cmath>
#include <limits>

#include "ops/activation/activation.h"

namespace hotloop {
namespace {

constexpr double kSeluAlpha = 1.67326324f, kSeluScale = 1.05070099f;
const double kGeluRate = std::sqrt(2.0 / std::acos(-1.0));

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }
double cumulative(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::acos(-1.0)); }
double ramp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
// The limit of x * factor(x) where the factor vanishes faster than x grows.
double times(double x, double factor) { return factor == 0 ? 0 : x * factor; }

}  // namespace

double activation_ref(const ActivationArgs& args, double x) {
  const double alpha = args.alpha;
  switch (args.kind) {
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::relu6:
      return ramp(x, 0, 6);
    case Activation::leaky_relu:
      return x > 0 ? x : alpha * x;
    case Activation::elu:
      return x > 0 ? x : alpha * std::expm1(x);
    case Activation::selu:
      return kSeluScale * (x > 0 ? x : kSeluAlpha * std::expm1(x));
    case Activation::celu:
      return x > 0 ? x : alpha * std::expm1(x / alpha);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::softplus:
      return softplus(x);
    case Activation::softsign:
      return std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::fabs(x));
    case Activation::exponential:
      return std::exp(x);
    case Activation::hard_sigmoid:
      return ramp(x + 3, 0, 6) / 6;
    case Activation::hard_tanh:
      return ramp(x, -1, 1);
    case Activation::log_sigmoid:
      return -softplus(-x);
    case Activation::threshold:
      return x <= alpha ? args.beta : x;
    case Activation::sparse_sigmoid:
      return ramp(x + 1, 0, 2) / 2;
    case Activation::gelu:
      return times(x, cumulative(x));
    case Activation::gelu_tanh:
      return times(x, sigmoid(2 * kGeluRate * (x + 0.044715 * x * x * x)));
    case Activation::silu:
      return times(x, sigmoid(x));
    case Activation::mish:
      return times(x, std::tanh(softplus(x)));
    case Activation::hard_silu:
      return times(x, ramp(x + 3, 0, 6) / 6);
    case Activation::tanh_shrink:
      return x - std::tanh(x);
    case Activation::soft_shrink:
      return x - ramp(x, -alpha, alpha);
    case Activation::hard_shrink:
      return std::fabs(x) <= alpha ? 0 : x;
    case Activation::squareplus: {
      const double root = std::sqrt(x * x + alpha);
      return x < 0 ? 0.5 * alpha / (root - x) : 0.5 * (root + x);
    }
    case Activation::sparse_plus:
      return x <= -1 ? 0 : x >= 1 ? x : 0.25 * (x + 1) * (x + 1);
    default:
      return x;
  }
}

double activation_derivative_ref(const ActivationArgs& args, double x) {
  const double alpha = args.alpha, s = sigmoid(x), s_minus = sigmoid(-x);
  switch (args.kind) {
    case Activation::relu:
      return x > 0;
    case Activation::relu6:
      return x > 0 && x < 6;
    case Activation::leaky_relu:
      return x > 0 ? 1 : alpha;
    case Activation::elu:
      return x > 0 ? 1 : alpha * std::exp(x);
    case Activation::selu:
      return kSeluScale * (x < 0 ? kSeluAlpha * std::exp(x) : 1);
    case Activation::celu:
      return x > 0 ? 1 : std::exp(x / alpha);
    case Activation::sigmoid:
      return s * s_minus;
    case Activation::tanh:
      return 1 / (std::cosh(x) * std::cosh(x));
    case Activation::softplus:
      return s;
    case Activation::softsign:
      return 1 / ((1 + std::fabs(x)) * (1 + std::fabs(x)));
    case Activation::exponential:
      return std::exp(x);
    case Activation::hard_sigmoid:
      return x > -3 && x < 3 ? 1.0 / 6 : 0;
    case Activation::hard_tanh:
      return x > -1 && x < 1;
    case Activation::log_sigmoid:
      return s_minus;
    case Activation::threshold:
      return x > alpha;
    case Activation::sparse_sigmoid:
      return x > -1 && x < 1 ? 0.5 : 0;
    case Activation::gelu:
      return cumulative(x) + times(x, density(x));
    case Activation::gelu_tanh: {
      const double u = 2 * kGeluRate * (x + 0.044715 * x * x * x);
      const double du = 2 * kGeluRate * (1 + 3 * 0.044715 * x * x);
      return sigmoid(u) + times(x * du, sigmoid(u) * sigmoid(-u));
    }
    case Activation::silu:
      return s + times(x, s * s_minus);
    case Activation::mish: {
      const double gate = std::tanh(softplus(x)), rest = std::cosh(softplus(x));
      return gate + times(x, s / (rest * rest));
    }
    case Activation::hard_silu:
      return x <= -3 ? 0 : x < 3 ? (2 * x + 3) / 6 : 1;
    case Activation::tanh_shrink:
      return std::tanh(x) * std::tanh(x);
    case Activation::soft_shrink:
    case Activation::hard_shrink:
      return std::fabs(x) > alpha;
    case Activation::squareplus: {
      if (std::isinf(x)) return x > 0;
      const double root = std::sqrt(x * x + alpha);
      return root == 0 ? 0 : activation_ref(args, x) / root;
    }
    case Activation::sparse_plus:
      return ramp(x + 1, 0, 2) / 2;
    default:
      return 1;
  }
}

}  // namespace hotloop
