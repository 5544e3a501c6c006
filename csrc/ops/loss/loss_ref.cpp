// Every loss in double, straight from Keras 3's formulas.
#include <cmath>
#include <vector>

#include "ops/loss/loss.h"

namespace hotloop {
namespace {

struct Point {
  double loss, slope;
};

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
bool within(double x, double low, double high) { return !(x < low) && !(x > high); }
double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }
double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

constexpr double kLow = kLossEpsilon, kHigh = kLossNearlyOne;

Point pointwise(const LossArgs& args, double p, double y) {
  const double error = p - y, delta = args.delta;
  switch (args.kind) {
    case Loss::mean_squared_error:
      return {error * error, 2 * error};
    case Loss::half_squared_error:
      return {0.5 * error * error, error};
    case Loss::mean_absolute_error:
      return {std::fabs(error), sign(error)};
    case Loss::huber:
      if (std::fabs(error) <= delta) return {0.5 * error * error, error};
      return {delta * std::fabs(error) - 0.5 * delta * delta, delta * sign(error)};
    case Loss::binary_crossentropy: {
      y = y * (1.0 - args.label_smoothing) + 0.5 * args.label_smoothing;
      if (args.from_logits) return {y * softplus(-p) + (1 - y) * softplus(p), sigmoid(p) - y};
      const double q = clip(p, kLow, kHigh);
      return {-(y * std::log(q) + (1 - y) * std::log(1 - q)),
              within(p, kLow, kHigh) ? (q - y) / (q * (1 - q)) : 0};
    }
    case Loss::hinge:
    case Loss::squared_hinge: {
      if (y == 0) y = -1;
      const double margin = std::fmax(1 - y * p, 0);
      if (args.kind == Loss::hinge) return {margin, margin > 0 ? -y : 0};
      return {margin * margin, -2 * y * margin};
    }
    case Loss::log_cosh:
      return {std::fabs(error) + std::log1p(std::expm1(-2 * std::fabs(error)) / 2), std::tanh(error)};
    case Loss::poisson:
      return {p - y * std::log(p + kLow), 1 - y / (p + kLow)};
    case Loss::kl_divergence: {
      y = clip(y, kLow, 1);
      const double q = clip(p, kLow, 1);
      return {y * std::log(y / q), within(p, kLow, 1) ? -y / q : 0};
    }
    case Loss::mean_absolute_percentage_error: {
      const double scale = 100 / std::fmax(std::fabs(y), kLow);
      return {std::fabs(error) * scale, sign(error) * scale};
    }
    case Loss::values:
      return {p, 1};
    default: {  // mean squared logarithmic error
      const double q = std::fmax(p, kLow), difference = std::log1p(q) - std::log1p(std::fmax(y, kLow));
      return {difference * difference, p < kLow ? 0 : 2 * difference / (1 + q)};
    }
  }
}

bool is_sum(Loss kind) { return kind == Loss::half_squared_error || kind == Loss::kl_divergence; }

double softmax_crossentropy(const std::vector<double>& y, const double* x, double* gradient,
                            double* probability) {
  double highest = -INFINITY, total = 0, loss = 0, mass = 0;
  for (std::size_t i = 0; i < y.size(); ++i) highest = std::fmax(highest, x[i]);
  for (std::size_t i = 0; i < y.size(); ++i) total += std::exp(x[i] - highest), mass += y[i];
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double p = std::exp(x[i] - highest) / total;
    if (y[i] != 0) loss += y[i] * (highest + std::log(total) - x[i]);
    if (gradient != nullptr) gradient[i] = p * mass - y[i];
    if (probability != nullptr) probability[i] = p;
  }
  return loss;
}

double crossentropy(const std::vector<double>& y, const double* p, double* gradient) {
  double total = 0, loss = 0, mass = 0;
  for (std::size_t i = 0; i < y.size(); ++i) total += p[i];
  for (std::size_t i = 0; i < y.size(); ++i) {
    loss -= y[i] * std::log(clip(p[i] / total, kLow, kHigh));
    if (within(p[i] / total, kLow, kHigh)) mass += y[i];
  }
  for (std::size_t i = 0; gradient != nullptr && i < y.size(); ++i) {
    const double q = p[i] / total;
    gradient[i] = (mass - (within(q, kLow, kHigh) ? y[i] / q : 0)) / total;
  }
  return loss;
}

double categorical_hinge(const double* y, const double* p, std::int64_t n, double* gradient) {
  double right = 0, wrong = -INFINITY, ties = 0;
  for (std::int64_t i = 0; i < n; ++i) right += y[i] * p[i], wrong = std::fmax(wrong, (1 - y[i]) * p[i]);
  for (std::int64_t i = 0; i < n; ++i) ties += (1 - y[i]) * p[i] == wrong;
  const double margin = wrong - right + 1;
  for (std::int64_t i = 0; gradient != nullptr && i < n; ++i)
    gradient[i] = margin > 0 ? ((1 - y[i]) * p[i] == wrong ? (1 - y[i]) / ties : 0) - y[i] : 0;
  return std::fmax(margin, 0);
}

}  // namespace

double loss_row_ref(const LossArgs& args, const double* prediction, const double* target,
                    std::int32_t sparse_target, double* gradient, double* probability) {
  const std::int64_t n = args.cols;
  if (args.kind == Loss::categorical_hinge) return categorical_hinge(target, prediction, n, gradient);
  if (args.kind == Loss::sparse_categorical_crossentropy || args.kind == Loss::categorical_crossentropy) {
    std::vector<double> y(n);
    for (std::int64_t i = 0; i < n; ++i)
      y[i] = args.kind == Loss::sparse_categorical_crossentropy
                 ? (i == sparse_target)
                 : target[i] * (1.0 - args.label_smoothing) + args.label_smoothing / static_cast<double>(n);
    return args.from_logits ? softmax_crossentropy(y, prediction, gradient, probability)
                            : crossentropy(y, prediction, gradient);
  }
  const double divisor = is_sum(args.kind) ? 1.0 : static_cast<double>(n);
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const Point point = pointwise(args, prediction[i], target[i]);
    total += point.loss;
    if (gradient != nullptr) gradient[i] = point.slope / divisor;
    if (probability != nullptr) probability[i] = sigmoid(prediction[i]);
  }
  return total / divisor;
}

void loss_ref(const LossArgs& args) {
  const std::int64_t n = args.cols;
  std::vector<double> x(n), y(n), gradient(n), probability(n);
  for (std::int64_t r = 0; r < args.rows; ++r) {
    for (std::int64_t i = 0; i < n; ++i) {
      x[i] = args.prediction[r * n + i];
      y[i] = args.target != nullptr ? args.target[r * n + i] : 0;
    }
    const double weight = args.weight != nullptr ? args.weight[r] : 1.0;
    const std::int32_t label = args.sparse_target != nullptr ? args.sparse_target[r] : 0;
    const double loss = loss_row_ref(args, x.data(), y.data(), label, gradient.data(), probability.data());
    args.row_loss[r] = static_cast<float>(loss * weight);
    for (std::int64_t i = 0; i < n; ++i) {
      const double scaled = gradient[i] * weight * args.gradient_scale;
      if (args.gradient != nullptr) args.gradient[r * n + i] = static_cast<float>(scaled);
      if (args.probability != nullptr) args.probability[r * n + i] = static_cast<float>(probability[i]);
    }
  }
}

}  // namespace hotloop
