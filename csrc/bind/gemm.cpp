// Matrix products on NumPy arrays of any strides.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/aligned_buffer.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm/gemm.h"

namespace hotloop::bind {
namespace {

bool whole_elements(const py::array& a, int axis) { return a.strides(axis) % 4 == 0 || a.shape(axis) <= 1; }

void require_matrix(const py::array& a, const char* name) {
  require(
      py::isinstance<py::array_t<float>>(a) && a.ndim() == 2 && whole_elements(a, 0) && whole_elements(a, 1),
      name, ": expected a 2-D float32 array with aligned elements, got a ", describe(a));
}

GemmArgs gemm_args(const py::array& a, const py::array& b, py::array& c, const Maybe& bias,
                   const std::string& activation, std::optional<float> alpha, float beta, bool accumulate) {
  require_matrix(a, "a");
  require_matrix(b, "b");
  require_matrix(c, "out");
  require(c.writeable(), "out: expected a writable array, got a read-only one");
  GemmArgs args;
  args.m = a.shape(0), args.n = b.shape(1), args.k = a.shape(1);
  require(b.shape(0) == args.k, "gemm: expected as many rows in b as columns in a, got a ", describe(a),
          " and a ", describe(b));
  require(c.shape(0) == args.m && c.shape(1) == args.n, "out: expected shape (", args.m, ", ", args.n,
          "), got a ", describe(c));
  require(c.size() == 0 || args.n == 1 || c.strides(1) == 4, "out: expected contiguous rows, got columns ",
          c.strides(1), " bytes apart");
  args.a = static_cast<const float*>(a.data()), args.a_row = a.strides(0) / 4, args.a_col = a.strides(1) / 4;
  args.b = static_cast<const float*>(b.data()), args.b_row = b.strides(0) / 4, args.b_col = b.strides(1) / 4;
  args.c = static_cast<float*>(c.mutable_data()), args.c_row = c.strides(0) / 4;
  args.bias = optional_data<float>(bias, args.n, "bias");
  require(!accumulate || !bias, "bias: expected none when the product is added to what out holds");
  args.accumulate = accumulate;
  args.activation = elementwise_activation(activation.c_str(), alpha, beta);
  return args;
}

}  // namespace

void bind_gemm(py::module_& module) {
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const py::array& a, const py::array& b, py::array c, const Maybe& bias,
              const std::string& activation, std::optional<float> alpha, float beta, bool accumulate) {
          const GemmArgs args = gemm_args(a, b, c, bias, activation, alpha, beta, accumulate);
          const Unlocked released;
          run(args);
        },
        py::arg("a"), py::arg("b"), py::arg("out"), py::arg("bias") = py::none(),
        py::arg("activation") = "linear", py::arg("alpha") = py::none(), py::arg("beta") = 0.0f,
        py::arg("accumulate") = false);
  };
  define("gemm", [](const GemmArgs& args) {
    // Opening a team costs a few microseconds: as much as a million operations.
    const double operations =
        2.0 * static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
    const int threads = operations < 1e6 ? 1 : std::min(threads_worth(operations * 1e-11), most_threads());
    thread_local AlignedBuffer workspace;
    const std::int64_t floats = gemm_workspace(args);
    workspace.reserve(threads * floats * size_of(DType::f32));
    float* memory = workspace.as<float>();
    run_team(threads, [&](Team& team) { gemm(args, memory + team.rank() * floats, team.share()); });
  });
  define("gemm_ref", &gemm_ref);

  const auto define_sum = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const py::array& x, py::array sums, bool accumulate) {
          const float* from = contiguous_data<float>(x, "x");
          require(x.ndim() == 2, "x: expected two dimensions, got a ", describe(x));
          float* to = writable_data<float>(sums, "sums");
          require_size(sums, x.shape(1), "sums");
          const std::int64_t rows = x.shape(0), cols = x.shape(1);
          const Unlocked released;
          run(from, to, accumulate, rows, cols);
        },
        py::arg("x"), py::arg("sums"), py::arg("accumulate") = false);
  };
  define_sum("column_sum",
             [](const float* x, float* sums, bool accumulate, std::int64_t rows, std::int64_t cols) {
               run_team(threads_for(rows * cols),
                        [&](Team& team) { column_sum(x, sums, accumulate, rows, cols, team.share()); });
             });
  define_sum("column_sum_ref", &column_sum_ref);
}

}  // namespace hotloop::bind
