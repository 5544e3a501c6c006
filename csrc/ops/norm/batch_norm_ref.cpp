#include <cmath>

#include "ops/norm/batch_norm.h"

namespace hotloop {
namespace {

double or_else(const float* p, std::int64_t c, double otherwise) { return p != nullptr ? p[c] : otherwise; }

void write(float* p, std::int64_t i, double value, bool accumulate) {
  if (p != nullptr) p[i] = static_cast<float>(accumulate ? p[i] + value : value);
}

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(const BatchNormArgs& args, const float* x, std::int64_t c) {
  Moments m;
  for (std::int64_t r = 0; r < args.rows; ++r) m.mean += x[r * args.cols + c];
  m.mean /= static_cast<double>(args.rows);
  for (std::int64_t r = 0; r < args.rows; ++r) m.variance += std::pow(x[r * args.cols + c] - m.mean, 2);
  m.variance /= static_cast<double>(args.rows);
  return m;
}

void normalize(const BatchNormArgs& args, const float* x, Moments m, std::int64_t c, float* y) {
  const double factor = or_else(args.gamma, c, 1.0) / std::sqrt(m.variance + args.epsilon);
  for (std::int64_t i = c; i < args.rows * args.cols; i += args.cols)
    y[i] = static_cast<float>((x[i] - m.mean) * factor + or_else(args.beta, c, 0.0));
}

// constant: whether mean and variance are constants, not functions of x.
void backward(const BatchNormArgs& args, const float* x, const float* dy, Moments m, bool constant,
              std::int64_t c, const BatchNormGradients& out) {
  const double inverse = 1 / std::sqrt(m.variance + args.epsilon), n = static_cast<double>(args.rows);
  const std::int64_t end = args.rows * args.cols;
  double dbeta = 0, dgamma = 0;
  for (std::int64_t i = c; i < end; i += args.cols) {
    dbeta += dy[i];
    dgamma += dy[i] * (x[i] - m.mean) * inverse;
  }
  for (std::int64_t i = c; i < end; i += args.cols) {
    const double through_moments = constant ? 0 : (dbeta + (x[i] - m.mean) * inverse * dgamma) / n;
    write(out.dx, i, or_else(args.gamma, c, 1.0) * inverse * (dy[i] - through_moments), out.accumulate);
  }
  write(out.dbeta, c, dbeta, out.accumulate_beta);
  write(out.dgamma, c, dgamma, out.accumulate_gamma);
}

}  // namespace

void batch_norm_train_ref(const BatchNormArgs& args, const float* x, float* y, float* moving_mean,
                          float* moving_variance, float* mean, float* inverse) {
  if (args.rows == 0) return;
  const double keep = args.momentum;
  for (std::int64_t c = 0; c < args.cols; ++c) {
    const Moments m = moments(args, x, c);
    mean[c] = static_cast<float>(m.mean);
    inverse[c] = static_cast<float>(1 / std::sqrt(m.variance + args.epsilon));
    moving_mean[c] = static_cast<float>(moving_mean[c] * keep + m.mean * (1 - keep));
    moving_variance[c] = static_cast<float>(moving_variance[c] * keep + m.variance * (1 - keep));
    normalize(args, x, m, c, y);
  }
}

void batch_norm_infer_ref(const BatchNormArgs& args, const float* x, const float* moving_mean,
                          const float* moving_variance, float* y) {
  for (std::int64_t c = 0; c < args.cols; ++c) normalize(args, x, {moving_mean[c], moving_variance[c]}, c, y);
}

void batch_norm_train_backward_ref(const BatchNormArgs& args, const float* x, const float* dy,
                                   const BatchNormGradients& gradients) {
  for (std::int64_t c = 0; c < args.cols; ++c)
    backward(args, x, dy, moments(args, x, c), false, c, gradients);
}

void batch_norm_infer_backward_ref(const BatchNormArgs& args, const float* x, const float* dy,
                                   const float* moving_mean, const float* moving_variance,
                                   const BatchNormGradients& gradients) {
  for (std::int64_t c = 0; c < args.cols; ++c)
    backward(args, x, dy, {moving_mean[c], moving_variance[c]}, true, c, gradients);
}

}  // namespace hotloop
