// bfloat16, as uint16, on contiguous NumPy arrays.
#include "ops/bf16/bf16.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

GemmBf16Args gemm_args(const py::array& a, const py::array& weights, py::array& c, const Maybe& bias,
                       const std::string& activation, std::optional<float> alpha, float beta) {
  GemmBf16Args args;
  args.a = contiguous_data<float>(a, "a");
  args.weights = contiguous_data<std::uint16_t>(weights, "weights");
  args.c = writable_data<float>(c, "out");
  require(a.ndim() == 2 && weights.ndim() == 2 && weights.shape(0) == a.shape(1),
          "weights: expected as many rows as a has columns, got a ", describe(weights), " for a ",
          describe(a));
  args.m = a.shape(0), args.k = args.a_row = a.shape(1), args.n = args.c_row = weights.shape(1);
  require(c.ndim() == 2 && c.shape(0) == args.m && c.shape(1) == args.n, "out: expected shape (", args.m,
          ", ", args.n, "), got a ", describe(c));
  args.bias = optional_data<float>(bias, args.n, "bias");
  args.activation = elementwise_activation(activation.c_str(), alpha, beta);
  return args;
}

}  // namespace

void bind_bf16(py::module_& module) {
  module.def(
      "to_bf16",
      [](const py::array& x, py::array out) {
        const float* from = contiguous_data<float>(x, "x");
        std::uint16_t* to = writable_data<std::uint16_t>(out, "out");
        require_size(out, x.size(), "out");
        const std::int64_t n = x.size();
        const Unlocked released;
        run_team(threads_for(n), [&](Team& team) { to_bf16(from, to, n, team.share()); });
      },
      py::arg("x"), py::arg("out"));
  module.def(
      "from_bf16",
      [](const py::array& x, py::array out) {
        const std::uint16_t* from = contiguous_data<std::uint16_t>(x, "x");
        float* to = writable_data<float>(out, "out");
        require_size(out, x.size(), "out");
        const std::int64_t n = x.size();
        const Unlocked released;
        run_team(threads_for(n), [&](Team& team) { from_bf16(from, to, n, team.share()); });
      },
      py::arg("x"), py::arg("out"));
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const py::array& a, const py::array& weights, py::array out, const Maybe& bias,
              const std::string& activation, std::optional<float> alpha, float beta) {
          const GemmBf16Args args = gemm_args(a, weights, out, bias, activation, alpha, beta);
          const Unlocked released;
          run(args);
        },
        py::arg("a"), py::arg("weights"), py::arg("out"), py::arg("bias") = py::none(),
        py::arg("activation") = "linear", py::arg("alpha") = py::none(), py::arg("beta") = 0.0f);
  };
  define("gemm_bf16", [](const GemmBf16Args& args) {
    run_team(threads_for(args.m * args.n * args.k / 16), [&](Team& team) { gemm_bf16(args, team.share()); });
  });
  define("gemm_bf16_ref", &gemm_bf16_ref);
}

}  // namespace hotloop::bind
