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

// y[i] = value(i), or y[i] += value(i). All that is read is read by load.
template <class Value>
struct Into {
  Value value;
  float* y;
  bool accumulate;
  __device__ float load(std::int64_t i) const {
    const float made = value(i);
    return accumulate ? __fadd_rn(y[i], made) : made;
  }
  __device__ void store(std::int64_t i, float made) const { y[i] = made; }
};
template <class Value>
void launch_into(const char* op, std::int64_t n, const Value& value, float* y, bool accumulate) {
  cuda::launch_elements(op, n, Into<Value>{value, y, accumulate});
}

struct Copy {
  const float* x;
  __device__ float operator()(std::int64_t i) const { return x[i]; }
};

struct Sum {
  Inputs inputs;
  __device__ float operator()(std::int64_t i) const {
    float total = inputs.data[0][i];
    for (int k = 1; k < inputs.count; ++k) total = __fadd_rn(total, inputs.data[k][i]);
    return total;
  }
};

struct Product {
  Inputs inputs;
  __device__ float operator()(std::int64_t i) const {
    float product = inputs.data[0][i];
    for (int k = 1; k < inputs.count; ++k) product = __fmul_rn(product, inputs.data[k][i]);
    return product;
  }
};

struct ProductGradient {
  Inputs others;
  const float* dy;
  __device__ float operator()(std::int64_t i) const {
    float product = dy[i];
    for (int k = 0; k < others.count; ++k) product = __fmul_rn(product, others.data[k][i]);
    return product;
  }
};

struct Rescale {
  const float* x;
  float scale, offset;
  __device__ float operator()(std::int64_t i) const { return __fmaf_rn(x[i], scale, offset); }
};

struct Columns {
  const float* x;
  std::int64_t x_stride;
  float* y;
  std::int64_t y_stride, cols;
  bool accumulate;
  __device__ float* at(std::int64_t i) const { return y + i / cols * y_stride + i % cols; }
  __device__ float load(std::int64_t i) const {
    const float value = x[i / cols * x_stride + i % cols];
    return accumulate ? __fadd_rn(*at(i), value) : value;
  }
  __device__ void store(std::int64_t i, float value) const { *at(i) = value; }
};

}  // namespace

namespace cuda {

void copy_or_add_kernel(const float* x, float* y, bool accumulate, std::int64_t n, Share) {
  launch_into(accumulate ? "add" : "copy", n, Copy{x}, y, accumulate);
}

void add_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n, Share) {
  launch_into("add", n, Sum{inputs_without(-1, inputs, count)}, y, false);
}

void multiply_forward_kernel(const float* const* inputs, int count, float* y, std::int64_t n, Share) {
  launch_into("multiply", n, Product{inputs_without(-1, inputs, count)}, y, false);
}

void multiply_backward_kernel(const float* const* inputs, int count, int which, const float* dy, float* dx,
                              bool accumulate, std::int64_t n, Share) {
  launch_into("multiply backward", n, ProductGradient{inputs_without(which, inputs, count), dy}, dx,
              accumulate);
}

void rescale_kernel(const float* x, float scale, float offset, float* y, bool accumulate, std::int64_t n,
                    Share) {
  launch_into("rescale", n, Rescale{x, scale, offset}, y, accumulate);
}

void copy_columns_kernel(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride,
                         std::int64_t rows, std::int64_t cols, bool accumulate, Share) {
  launch_elements("copy columns", rows * cols, Columns{x, x_stride, y, y_stride, cols, accumulate});
}

}  // namespace cuda
}  // namespace hotloop
