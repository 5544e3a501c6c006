// The activations along a row, in double.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "ops/activation/activation.h"

namespace hotloop {
namespace {

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

double log_sum_exp(const double* x, std::int64_t n) {
  const double largest = *std::max_element(x, x + n);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

// Sorted, as in Martins and Astudillo, "From softmax to sparsemax" (2016), algorithm 1.
double sparsemax_threshold(const double* x, std::int64_t n) {
  std::vector<double> sorted(x, x + n);
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double sum = 0, threshold = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    sum += sorted[k];
    if (1 + (k + 1) * sorted[k] > sum) threshold = (sum - 1) / (k + 1);
  }
  return threshold;
}

}  // namespace

void row_activation_ref(Activation kind, const double* x, double* y, std::int64_t cols) {
  const std::int64_t half = cols / 2;
  if (kind == Activation::glu) {
    for (std::int64_t i = 0; i < half; ++i) y[i] = x[i] * sigmoid(x[half + i]);
    return;
  }
  const double level = kind == Activation::sparsemax ? sparsemax_threshold(x, cols) : log_sum_exp(x, cols);
  for (std::int64_t i = 0; i < cols; ++i) {
    const double above = x[i] - level;
    y[i] = kind == Activation::softmax     ? std::exp(above)
           : kind == Activation::sparsemax ? std::fmax(above, 0)
                                           : above;
  }
}

void row_activation_gradient_ref(Activation kind, const double* x, const double* dy, double* dx,
                                 std::int64_t cols) {
  const std::int64_t half = cols / 2;
  if (kind == Activation::glu) {
    for (std::int64_t i = 0; i < half; ++i) {
      const double s = sigmoid(x[half + i]);
      dx[i] = dy[i] * s;
      dx[half + i] = dy[i] * x[i] * s * (1 - s);
    }
    return;
  }
  std::vector<double> y(cols);
  row_activation_ref(kind, x, y.data(), cols);
  double sum = 0, support = 0;
  for (std::int64_t i = 0; i < cols; ++i) {
    sum += kind == Activation::softmax                   ? y[i] * dy[i]
           : kind == Activation::log_softmax || y[i] > 0 ? dy[i]
                                                         : 0;
    support += y[i] > 0;
  }
  for (std::int64_t i = 0; i < cols; ++i) {
    if (kind == Activation::softmax)
      dx[i] = y[i] * (dy[i] - sum);
    else if (kind == Activation::log_softmax)
      dx[i] = dy[i] - std::exp(y[i]) * sum;
    else
      dx[i] = y[i] > 0 ? dy[i] - sum / support : 0;
  }
}

}  // namespace hotloop
