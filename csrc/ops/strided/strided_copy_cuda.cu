#include "ops/strided/strided_copy.h"

#include "cuda/launch.h"

namespace hotloop {
namespace {

struct Copy {
  StridedCopy copy;
  const float* x;
  float* y;
  bool accumulate;
  __device__ float load(std::int64_t i) const {
    const float value = x[place(i, copy.from)];
    return accumulate ? __fadd_rn(y[place(i, copy.to)], value) : value;
  }
  __device__ void store(std::int64_t i, float value) const { y[place(i, copy.to)] = value; }
  __device__ std::int64_t place(std::int64_t number, const std::int64_t* step) const {
    std::int64_t at = 0;
    for (int a = copy.axes - 1; a >= 0; --a) {
      at += number % copy.size[a] * step[a];
      number /= copy.size[a];
    }
    return at;
  }
};

struct Clear {
  float* y;
  __device__ float load(std::int64_t) const { return 0.0f; }
  __device__ void store(std::int64_t i, float zero) const { y[i] = zero; }
};

}  // namespace

namespace cuda {

void strided_copy_kernel(const StridedCopy& copy, const float* x, float* y, bool accumulate, Share) {
  std::int64_t n = 1;
  for (int a = 0; a < copy.axes; ++a) n *= copy.size[a];
  launch_elements("strided copy", n, Copy{copy, x, y, accumulate});
}

void clear_kernel(float* y, std::int64_t n, Share) { launch_elements("clear", n, Clear{y}); }

}  // namespace cuda
}  // namespace hotloop
