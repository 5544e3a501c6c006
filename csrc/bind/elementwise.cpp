// What joins branches, and rescaling, on float32 arrays.
#include "ops/elementwise/elementwise.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <vector>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

template <class Run>
void on_team(std::int64_t n, Run run) {
  const Unlocked released;
  run_team(threads_for(n, kWorthMoving), [&](Team& team) { run(team.share()); });
}

std::vector<const float*> inputs_data(const std::vector<Operand>& inputs, std::int64_t n) {
  require(!inputs.empty(), "inputs: expected at least one array, got none");
  std::vector<const float*> data;
  for (const Operand& input : inputs) {
    require_size(input, n, "inputs");
    data.push_back(contiguous_data<float>(input, "inputs"));
  }
  return data;
}

}  // namespace

void bind_elementwise(py::module_& module) {
  const auto define_join = [&module](const char* name, auto kernel) {
    module.def(
        name,
        [kernel](const std::vector<Operand>& inputs, Operand y) {
          float* to = writable_data<float>(y, "y");
          const std::int64_t n = y.size();
          const auto data = inputs_data(inputs, n);
          on_team(n, [&](Share share) { kernel(data.data(), static_cast<int>(data.size()), to, n, share); });
        },
        py::arg("inputs"), py::arg("y"));
  };
  define_join("add_forward", &add_forward);
  define_join("multiply_forward", &multiply_forward);
  module.def(
      "multiply_backward",
      [](const std::vector<Operand>& inputs, int which, const Operand& dy, Operand dx, bool accumulate) {
        float* to = writable_data<float>(dx, "dx");
        const std::int64_t n = dx.size();
        require_size(dy, n, "dy");
        const float* gradient = contiguous_data<float>(dy, "dy");
        const auto data = inputs_data(inputs, n);
        const int count = static_cast<int>(data.size());
        require(which >= 0 && which < count, "which: expected 0 to ", count - 1, ", got ", which);
        on_team(n, [&](Share share) {
          multiply_backward(data.data(), count, which, gradient, to, accumulate, n, share);
        });
      },
      py::arg("inputs"), py::arg("which"), py::arg("dy"), py::arg("dx"), py::arg("accumulate") = false);

  const auto define_map = [&module](const char* name, auto kernel) {
    module.def(
        name,
        [kernel](const Operand& x, Operand y, float scale, float offset, bool accumulate) {
          const float* from = contiguous_data<float>(x, "x");
          float* to = writable_data<float>(y, "y");
          const std::int64_t n = x.size();
          require_size(y, n, "y");
          on_team(n, [&](Share share) { kernel(from, to, scale, offset, accumulate, n, share); });
        },
        py::arg("x"), py::arg("y"), py::arg("scale") = 1.0f, py::arg("offset") = 0.0f,
        py::arg("accumulate") = false);
  };
  define_map("copy_or_add", [](const float* x, float* y, float, float, bool accumulate, std::int64_t n,
                               Share share) { copy_or_add(x, y, accumulate, n, share); });
  define_map("rescale_forward", [](const float* x, float* y, float scale, float offset, bool, std::int64_t n,
                                   Share share) { rescale_forward(x, scale, offset, y, n, share); });
  define_map("rescale_backward",
             [](const float* dy, float* dx, float scale, float, bool accumulate, std::int64_t n,
                Share share) { rescale_backward(dy, scale, dx, accumulate, n, share); });

  module.def(
      "copy_columns",
      [](const Operand& x, Operand y, std::int64_t x_first, std::int64_t y_first, std::int64_t cols,
         bool accumulate) {
        const float* from = contiguous_data<float>(x, "x");
        float* to = writable_data<float>(y, "y");
        require(x.ndim() == 2 && y.ndim() == 2 && x.shape(0) == y.shape(0),
                "y: expected a matrix of as many rows as x, got a ", describe(y), " for a ", describe(x));
        require(cols >= 0 && x_first >= 0 && y_first >= 0 && x_first <= x.shape(1) - cols &&
                    y_first <= y.shape(1) - cols,
                "cols: expected columns that both matrices have, got ", cols, " from ", x_first, " and ",
                y_first);
        const std::int64_t rows = x.shape(0), x_stride = x.shape(1), y_stride = y.shape(1);
        on_team(rows * cols, [&](Share share) {
          copy_columns(from + x_first, x_stride, to + y_first, y_stride, rows, cols, accumulate, share);
        });
      },
      py::arg("x"), py::arg("y"), py::arg("x_first"), py::arg("y_first"), py::arg("cols"),
      py::arg("accumulate") = false, "y[:, y_first:y_first+cols] = (or +=) x[:, x_first:x_first+cols]");
}

}  // namespace hotloop::bind
