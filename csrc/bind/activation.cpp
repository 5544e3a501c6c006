// Activations and their derivatives, on contiguous NumPy arrays.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "ops/activation/activation.h"

namespace hotloop::bind {
namespace {

Activation row_kind(const std::string& name, const Operand& x) {
  const Activation kind = activation_from_name(name.c_str());
  require(!is_elementwise(kind), "activation: expected one along a row, got '", name, "'");
  require(x.ndim() == 2, "x: expected two dimensions, got a ", describe(x));
  require(kind != Activation::glu || x.shape(1) % 2 == 0,
          "activation glu: expected an even number of columns, got ", x.shape(1));
  return kind;
}

std::int64_t output_size(Activation kind, const Operand& x) {
  return kind == Activation::glu ? x.size() / 2 : x.size();
}

void forward(const std::string& name, std::optional<float> alpha, float beta, const Operand& x, Operand y) {
  const ActivationArgs args = elementwise_activation(name.c_str(), alpha, beta);
  require_size(y, x.size(), "y");
  const float* from = contiguous_data<float>(x, "x");
  float* to = writable_data<float>(y, "y");
  const std::int64_t n = x.size();
  const Unlocked released;
  run_team(threads_for(n), [&](Team& team) { activation_forward(args, from, to, n, team.share()); });
}

void backward(const std::string& name, std::optional<float> alpha, float beta, const Maybe& x, const Maybe& y,
              const Operand& dy, Operand dx, bool accumulate) {
  const ActivationArgs args = elementwise_activation(name.c_str(), alpha, beta);
  const std::int64_t n = dy.size();
  const float *input = optional_data<float>(x, n, "x"), *output = optional_data<float>(y, n, "y");
  require(input != nullptr || (output != nullptr && derivative_from_output(args)), "x: activation '", name,
          "' needs its input here");
  require_size(dx, n, "dx");
  const float* from = contiguous_data<float>(dy, "dy");
  float* to = writable_data<float>(dx, "dx");
  const Unlocked released;
  run_team(threads_for(n), [&](Team& team) {
    activation_backward(args, input, output, from, to, accumulate, n, team.share());
  });
}

void row_forward(const std::string& name, const Operand& x, Operand y) {
  const Activation kind = row_kind(name, x);
  require_size(y, output_size(kind, x), "y");
  const float* from = contiguous_data<float>(x, "x");
  float* to = writable_data<float>(y, "y");
  const std::int64_t rows = x.shape(0), cols = x.shape(1);
  const Unlocked released;
  run_team(threads_for(rows * cols),
           [&](Team& team) { row_activation_forward(kind, from, to, rows, cols, team.share()); });
}

void row_backward(const std::string& name, const Maybe& x, const Maybe& y, const Operand& dy, Operand dx,
                  bool accumulate) {
  const Activation kind = row_kind(name, dx);
  const float *input = optional_data<float>(x, dx.size(), "x"),
              *output = optional_data<float>(y, output_size(kind, dx), "y");
  require(derivative_from_output({kind}) ? output != nullptr : input != nullptr,
          derivative_from_output({kind}) ? "y" : "x", ": activation '", name, "' needs it here");
  require_size(dy, output_size(kind, dx), "dy");
  const float* from = contiguous_data<float>(dy, "dy");
  float* to = writable_data<float>(dx, "dx");
  const std::int64_t rows = dx.shape(0), cols = dx.shape(1);
  const Unlocked released;
  run_team(threads_for(rows * cols), [&](Team& team) {
    row_activation_backward(kind, input, output, from, to, accumulate, rows, cols, team.share());
  });
}

// The references, in float64: value and derivative, or output and gradient of a row.
py::tuple reference(const std::string& name, std::optional<float> alpha, float beta, const Operand& x) {
  const ActivationArgs args = elementwise_activation(name.c_str(), alpha, beta);
  const double* from = contiguous_data<double>(x, "x");
  py::array_t<double> value(x.size()), derivative(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    value.mutable_data()[i] = activation_ref(args, from[i]);
    derivative.mutable_data()[i] = activation_derivative_ref(args, from[i]);
  }
  return py::make_tuple(value, derivative);
}

py::tuple row_reference(const std::string& name, const Operand& x, const Operand& dy) {
  const Activation kind = row_kind(name, x);
  const double *from = contiguous_data<double>(x, "x"), *gradient = contiguous_data<double>(dy, "dy");
  const std::int64_t rows = x.shape(0), cols = x.shape(1), out = kind == Activation::glu ? cols / 2 : cols;
  require_size(dy, rows * out, "dy");
  py::array_t<double> y({rows, out}), dx({rows, cols});
  for (std::int64_t r = 0; r < rows && cols > 0; ++r) {
    row_activation_ref(kind, from + r * cols, y.mutable_data() + r * out, cols);
    row_activation_gradient_ref(kind, from + r * cols, gradient + r * out, dx.mutable_data() + r * cols,
                                cols);
  }
  return py::make_tuple(y, dx);
}

// Of each kind: its name and another one, whether it works along a row, and its numbers, each with its name,
// what it usually is, and what it may be.
std::vector<py::tuple> kinds() {
  constexpr const char* kLimits[] = {"any", "not 0", "at least 0"};
  std::vector<py::tuple> found;
  for (int i = 0; i < kActivations; ++i) {
    const ActivationFacts& facts = activation_facts(static_cast<Activation>(i));
    py::list numbers;
    for (const ActivationNumber& number : {facts.alpha, facts.beta})
      if (number.name != nullptr)
        numbers.append(py::make_tuple(number.name, number.usual, kLimits[static_cast<int>(number.limit)]));
    found.push_back(py::make_tuple(facts.name, facts.other_name, facts.along_a_row, numbers));
  }
  return found;
}

}  // namespace

void bind_activation(py::module_& module) {
  module.def("activation_forward", &forward, py::arg("kind"), py::arg("alpha"), py::arg("beta"), py::arg("x"),
             py::arg("y"));
  module.def("activation_backward", &backward, py::arg("kind"), py::arg("alpha"), py::arg("beta"),
             py::arg("x"), py::arg("y"), py::arg("dy"), py::arg("dx"), py::arg("accumulate") = false);
  module.def("row_activation_forward", &row_forward, py::arg("kind"), py::arg("x"), py::arg("y"));
  module.def("row_activation_backward", &row_backward, py::arg("kind"), py::arg("x"), py::arg("y"),
             py::arg("dy"), py::arg("dx"), py::arg("accumulate") = false);
  module.def("activation_ref", &reference, py::arg("kind"), py::arg("alpha"), py::arg("beta"), py::arg("x"));
  module.def("row_activation_ref", &row_reference, py::arg("kind"), py::arg("x"), py::arg("dy"));
  module.def("activation_kinds", &kinds);
  module.def(
      "derivative_from_output",
      [](const std::string& name, std::optional<float> alpha, float beta) {
        const Activation kind = activation_from_name(name.c_str());
        const auto usual = static_cast<float>(activation_facts(kind).alpha.usual);
        return derivative_from_output({kind, alpha.value_or(usual), beta});
      },
      py::arg("kind"), py::arg("alpha") = py::none(), py::arg("beta") = 0.0f);
}

}  // namespace hotloop::bind
