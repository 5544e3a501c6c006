#include "cuda/device/lanes.h"
#include "cuda/launch.h"
#include "ops/activation/activation_kernels.h"

#include "ops/activation/activation_formula.h"

namespace hotloop {
namespace {

template <class Formula>
struct Forward {
  Formula f;
  const float* x;
  float* y;
  __device__ F32 load(std::int64_t i) const { return {x[i]}; }
  __device__ void store(std::int64_t i, F32 input) const { y[i] = f.value(input).lane; }
};

// As on the CPU, what is not at hand of x and y is made from the other.
template <class Formula, bool kOutput, bool kAccumulate>
struct Backward {
  struct Loaded {
    F32 input, output, dy, before;
  };
  Formula f;
  const float *x, *y, *dy;
  float* dx;
  __device__ Loaded load(std::int64_t i) const {
    Loaded loaded{};
    loaded.input = {(x != nullptr ? x : y)[i]};
    if constexpr (kOutput) loaded.output = {y[i]};
    loaded.dy = {dy[i]};
    if constexpr (kAccumulate) loaded.before = {dx[i]};
    return loaded;
  }
  __device__ void store(std::int64_t i, Loaded t) const {
    const F32 output = kOutput ? t.output : f.value(t.input);
    const F32 gradient = t.dy * f.slope(t.input, output);
    dx[i] = (kAccumulate ? t.before + gradient : gradient).lane;
  }
};

}  // namespace

namespace cuda {

void activation_forward_kernel(const ActivationArgs& args, const float* x, float* y, std::int64_t n, Share) {
  with_formula(args, [=](auto f) { launch_elements("activation", n, Forward<decltype(f)>{f, x, y}); });
}

void activation_backward_kernel(const ActivationArgs& args, const float* x, const float* y, const float* dy,
                                float* dx, bool accumulate, std::int64_t n, Share) {
  with_formula(args, [=](auto f) {
    using F = decltype(f);
    const auto run = [=](auto each) { launch_elements("activation gradient", n, each); };
    if (y != nullptr && accumulate)
      run(Backward<F, true, true>{f, x, y, dy, dx});
    else if (y != nullptr)
      run(Backward<F, true, false>{f, x, y, dy, dx});
    else if (accumulate)
      run(Backward<F, false, true>{f, x, y, dy, dx});
    else
      run(Backward<F, false, false>{f, x, y, dy, dx});
  });
}

}  // namespace cuda
}  // namespace hotloop
