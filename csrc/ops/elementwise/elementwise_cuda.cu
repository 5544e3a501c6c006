#include "base/error.h"
#include "cuda/launch.h"
#include "ops/elementwise/elementwise_kernels.h"

namespace hotloop {
namespace {

// The inputs of a joining op travel in the launch's arguments.
constexpr int kMostInputs = 256;
struct Inputs {
  const float* data[kMostInputs];
  int count;
};

Inputs inputs_without(int skipped, const float* const* inputs, int count) {
  require(count <= kMostInputs, "cuda: expected at most ", kMostInputs, " inputs to join, got ", count,
          "; join them in several layers");
  Inputs found{};
  for (int k = 0; k < count; ++k)
    if (k != skipped) found.data[found.count++] = inputs[k];
  return found;
}

struct Copy {
  const float* x;
  float* y;
  bool accumulate;
  __device__ void operator()(std::int64_t i) const { y[i] = accumulate ? __fadd_rn(y[i], x[i]) : x[i]; }
};

struct Sum {
  Inputs inputs;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    float total = inputs.data[0][i];
    for (int k = 1; k < inputs.count; ++k) total = __fadd_rn(total, inputs.data[k][i]);
    y[i] = total;
  }
};

struct Product {
  Inputs inputs;
  float* y;
  __device__ void operator()(std::int64_t i) const {
    float product = inputs.data[0][i];
    for (int k = 1; k < inputs.count; ++k) product = __fmul_rn(product, inputs.data[k][i]);
    y[i] = product;
  }
};

struct ProductGradient {
  Inputs others;
  const float* dy;
  float* dx;
  bool accumulate;
  __device__ void operator()(std::int64_t i) const {
    float product = dy[i];
    for (int k = 0; k < others.count; ++k) product = __fmul_rn(product, others.data[k][i]);
    dx[i] = accumulate ? __fadd_rn(dx[i], product) : product;
  }
};

struct Rescale {
  const float* x;
  float scale, offset;
  float* y;
  bool accumulate;
  __device__ void operator()(std::int64_t i) const {
    const float value = __fmaf_rn(x[i], scale, offset);
    y[i] = accumulate ? __fadd_rn(y[i], value) : value;
  }
};

struct Columns {
  const float* x;
  std::int64_t x_stride;
  float* y;
  std::int64_t y_stride, cols;
  bool accumulate;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t row = i / cols, col = i % cols;
    float* const to = y + row * y_stride + col;
    const float value = x[row * x_stride + col];
    *to = accumulate ? __fadd_rn(*to, value) : value;
  }
};

}  // namespace

namespace cuda {

void copy_or_add_kernel(const float* x, float* y, bool accumulate, std::int64_t n, Share) {
  launch_elements(accumulate ? "add" : "copy", n, Copy{x, y, accumulate});
}

void add_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n, Share) {
  launch_elements("add", n, Sum{inputs_without(-1, inputs, count), y});
}

void multiply_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n, Share) {
  launch_elements("multiply", n, Product{inputs_without(-1, inputs, count), y});
}

void multiply_backward_kernel(const float* const* inputs, int count, int which, const float* dy, float* dx,
                              bool accumulate, std::int64_t n, Share) {
  launch_elements("multiply backward", n,
                  ProductGradient{inputs_without(which, inputs, count), dy, dx, accumulate});
}

void rescale_kernel(const float* x, float scale, float offset, float* y, bool accumulate, std::int64_t n,
                    Share) {
  launch_elements("rescale", n, Rescale{x, scale, offset, y, accumulate});
}

void copy_columns_kernel(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride,
                         std::int64_t rows, std::int64_t cols, bool accumulate, Share) {
  launch_elements("copy columns", rows * cols, Columns{x, x_stride, y, y_stride, cols, accumulate});
}

}  // namespace cuda
}  // namespace hotloop
