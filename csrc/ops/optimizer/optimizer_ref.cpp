// The formulas one parameter at a time in double, as Keras 3 writes them.
#include <algorithm>
#include <cmath>

#include "ops/optimizer/optimizer.h"

namespace hotloop {
namespace {

double sgd(const OptimizerArgs& a, double w, double g, float* const slots[], std::int64_t i) {
  if (a.momentum == 0.0f) return w - a.learning_rate * g;
  const double v = double{a.momentum} * slots[0][i] - a.learning_rate * g;
  slots[0][i] = static_cast<float>(v);
  return a.nesterov ? w + a.momentum * v - a.learning_rate * g : w + v;
}

double rmsprop(const OptimizerArgs& a, double w, double g, float* const slots[], std::int64_t i) {
  const double rho = a.rho;
  const double square = rho * slots[0][i] + (1 - rho) * g * g;
  slots[0][i] = static_cast<float>(square);
  double variance = square;
  if (a.centered) {
    const double mean = rho * slots[2][i] + (1 - rho) * g;
    slots[2][i] = static_cast<float>(mean);
    variance = std::max(0.0, square - mean * mean);
  }
  double step = a.learning_rate * g / std::sqrt(variance + a.epsilon);
  if (a.momentum != 0.0f) {
    step += double{a.momentum} * slots[1][i];
    slots[1][i] = static_cast<float>(step);
  }
  return w - step;
}

double adam(const OptimizerArgs& a, double w, double g, float* const slots[], std::int64_t i) {
  const double b1 = a.beta_1, b2 = a.beta_2, t = static_cast<double>(a.step);
  const double m = slots[0][i] + (g - slots[0][i]) * (1 - b1);
  double v = slots[1][i] + (g * g - slots[1][i]) * (1 - b2);
  slots[0][i] = static_cast<float>(m);
  slots[1][i] = static_cast<float>(v);
  if (a.amsgrad) {
    v = std::max(v, double{slots[2][i]});
    slots[2][i] = static_cast<float>(v);
  }
  const double alpha = a.learning_rate * std::sqrt(1 - std::pow(b2, t)) / (1 - std::pow(b1, t));
  return w - alpha * m / (std::sqrt(v) + a.epsilon);
}

}  // namespace

void optimizer_ref(const OptimizerArgs& args, float* w, const float* g, float* const slots[kOptimizerSlots],
                   std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    double gradient = double{g[i]} * args.gradient_scale;
    if (args.clip_value > 0.0f)
      gradient = std::clamp(gradient, -double{args.clip_value}, double{args.clip_value});
    if (args.kind != Optimizer::sgd)
      gradient = std::clamp(gradient, -double{kLargestSquared}, double{kLargestSquared});
    const double decayed = w[i] - double{args.learning_rate} * args.weight_decay * w[i];
    const auto rule = args.kind == Optimizer::sgd ? sgd : args.kind == Optimizer::rmsprop ? rmsprop : adam;
    w[i] = static_cast<float>(rule(args, decayed, gradient, slots, i));
  }
}

}  // namespace hotloop
