// Batch normalisation forward and backward on float32 matrices.
#include "ops/norm/batch_norm.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

BatchNormArgs args_of(const Operand& x, const Maybe& gamma, const Maybe& beta, float epsilon,
                      float momentum) {
  require(x.ndim() == 2, "x: expected two dimensions, got a ", describe(x));
  BatchNormArgs args;
  args.rows = x.shape(0), args.cols = x.shape(1);
  args.epsilon = epsilon, args.momentum = momentum;
  args.gamma = optional_data<float>(gamma, args.cols, "gamma");
  args.beta = optional_data<float>(beta, args.cols, "beta");
  return args;
}

template <class Train, class Infer>
void define_forward(py::module_& module, const char* name, Train train, Infer infer) {
  module.def(
      name,
      [train, infer](const Operand& x, Operand y, Maybe moving_mean, Maybe moving_variance,
                     const Maybe& gamma, const Maybe& beta, Maybe mean, Maybe inverse, float epsilon,
                     float momentum) {
        const BatchNormArgs args = args_of(x, gamma, beta, epsilon, momentum);
        const float* from = contiguous_data<float>(x, "x");
        float* to = writable_data<float>(y, "y");
        require_size(y, x.size(), "y");
        require(moving_mean && moving_variance, "moving_mean, moving_variance: expected arrays, got None");
        float* center = optional_output<float>(moving_mean, args.cols, "moving_mean");
        float* spread = optional_output<float>(moving_variance, args.cols, "moving_variance");
        require(mean.has_value() == inverse.has_value(),
                "mean, inverse: expected both (training) or neither");
        float* batch_mean = optional_output<float>(mean, args.cols, "mean");
        float* batch_inverse = optional_output<float>(inverse, args.cols, "inverse");
        const Unlocked released;
        if (batch_mean != nullptr)
          train(args, from, to, center, spread, batch_mean, batch_inverse);
        else
          infer(args, from, center, spread, to);
      },
      py::arg("x"), py::arg("y"), py::arg("moving_mean"), py::arg("moving_variance"),
      py::arg("gamma") = py::none(), py::arg("beta") = py::none(), py::arg("mean") = py::none(),
      py::arg("inverse") = py::none(), py::arg("epsilon") = 1e-3f, py::arg("momentum") = 0.99f);
}

// statistics: in training what forward wrote (mean, inverse), in inference the moving mean and variance.
template <class Train, class Infer>
void define_backward(py::module_& module, const char* name, Train train, Infer infer) {
  module.def(
      name,
      [train, infer](const Operand& x, const Operand& dy, const Operand& center, const Operand& spread,
                     bool training, const Maybe& gamma, Maybe dx, Maybe dgamma, Maybe dbeta, bool accumulate,
                     bool accumulate_gamma, bool accumulate_beta, float epsilon) {
        const BatchNormArgs args = args_of(x, gamma, std::nullopt, epsilon, 0.0f);
        const float* from = contiguous_data<float>(x, "x");
        const float* gradient = contiguous_data<float>(dy, "dy");
        require_size(dy, x.size(), "dy");
        const float* first = contiguous_data<float>(center, "center");
        const float* second = contiguous_data<float>(spread, "spread");
        require_size(center, args.cols, "center");
        require_size(spread, args.cols, "spread");
        BatchNormGradients out;
        out.dx = optional_output<float>(dx, x.size(), "dx");
        out.dgamma = optional_output<float>(dgamma, args.cols, "dgamma");
        out.dbeta = optional_output<float>(dbeta, args.cols, "dbeta");
        out.accumulate = accumulate;
        out.accumulate_gamma = accumulate_gamma, out.accumulate_beta = accumulate_beta;
        const Unlocked released;
        if (training)
          train(args, from, gradient, first, second, out);
        else
          infer(args, from, gradient, first, second, out);
      },
      py::arg("x"), py::arg("dy"), py::arg("center"), py::arg("spread"), py::arg("training"),
      py::arg("gamma") = py::none(), py::arg("dx") = py::none(), py::arg("dgamma") = py::none(),
      py::arg("dbeta") = py::none(), py::arg("accumulate") = false, py::arg("accumulate_gamma") = false,
      py::arg("accumulate_beta") = false, py::arg("epsilon") = 1e-3f);
}

}  // namespace

void bind_batch_norm(py::module_& module) {
  const auto teamed = [](auto kernel) {
    return [kernel](const BatchNormArgs& args, auto... rest) {
      run_team(threads_for(args.rows * args.cols), [&](Team& team) { kernel(args, rest..., team.share()); });
    };
  };
  define_forward(module, "batch_norm", teamed(batch_norm_train), teamed(batch_norm_infer));
  define_forward(module, "batch_norm_ref", &batch_norm_train_ref, &batch_norm_infer_ref);
  define_backward(module, "batch_norm_backward", teamed(batch_norm_train_backward),
                  teamed(batch_norm_infer_backward));
  define_backward(
      module, "batch_norm_backward_ref",
      [](const BatchNormArgs& args, const float* x, const float* dy, const float*, const float*,
         const BatchNormGradients& out) { batch_norm_train_backward_ref(args, x, dy, out); },
      &batch_norm_infer_backward_ref);
}

}  // namespace hotloop::bind
