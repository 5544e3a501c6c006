// bfloat16, as uint16, on contiguous NumPy arrays.
#include "ops/bf16/bf16.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "base/aligned_buffer.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "ops/gemm_mixed/gemm_mixed.h"

namespace hotloop::bind {
namespace {

GemmBf16Args gemm_args(const Operand& a, const Operand& weights, Operand& c, const Maybe& bias,
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

MatmulBf16Args matmul_args(const Operand& a, const Operand& b, Operand& c, const Maybe& bias,
                           const std::string& activation, std::optional<float> alpha, float beta) {
  MatmulBf16Args args;
  args.a = contiguous_data<std::uint16_t>(a, "a");
  args.b = contiguous_data<std::uint16_t>(b, "b");
  if (py::isinstance<py::array_t<std::uint16_t>>(c))
    args.c_bf16 = writable_data<std::uint16_t>(c, "out");
  else
    args.c = writable_data<float>(c, "out");
  require(a.ndim() == 2 && b.ndim() == 2 && b.shape(0) == a.shape(1),
          "b: expected as many rows as a has columns, got a ", describe(b), " for a ", describe(a));
  args.m = a.shape(0), args.k = a.shape(1), args.n = b.shape(1);
  require(c.ndim() == 2 && c.shape(0) == args.m && c.shape(1) == args.n, "out: expected shape (", args.m,
          ", ", args.n, "), got a ", describe(c));
  args.bias = optional_data<float>(bias, args.n, "bias");
  args.activation = elementwise_activation(activation.c_str(), alpha, beta);
  return args;
}

void run_matmul(MatmulBf16Args args, Bf16Unit unit) {
  AlignedBuffer wide;
  std::uint16_t* const rounded = args.c_bf16;
  const bool rounds_later = rounded != nullptr && !matmul_bf16_rounds(unit, args);
  if (rounds_later) {
    wide.reserve(args.m * args.n * size_of(DType::f32));
    args.c = wide.as<float>(), args.c_bf16 = nullptr;
  }
  const int threads = threads_for(args.m * args.n * args.k / 64);
  const std::int64_t bytes = round_up(matmul_bf16_workspace(unit, args), kAlignment);
  // Kept from call to call: fresh pages would take longer than packing does.
  thread_local AlignedBuffer workspace;
  workspace.reserve(threads * bytes);
  void* const memory = workspace.as<void>();
  run_team(threads, [&](Team& team) {
    matmul_bf16(unit, args, static_cast<char*>(memory) + team.rank() * bytes, team.share());
    if (!rounds_later) return;
    team.barrier();
    to_bf16(args.c, rounded, args.m * args.n, team.share());
  });
}

}  // namespace

void bind_bf16(py::module_& module) {
  module.def(
      "to_bf16",
      [](const Operand& x, Operand out) {
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
      [](const Operand& x, Operand out) {
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
        [run](const Operand& a, const Operand& weights, Operand out, const Maybe& bias,
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
  module.def("bf16_unit", [] { return std::string(bf16_unit_name(bf16_unit())); });
  const auto define_matmul = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& a, const Operand& b, Operand out, const Maybe& bias,
              const std::string& activation, std::optional<float> alpha, float beta,
              const std::optional<std::string>& unit) {
          const MatmulBf16Args args = matmul_args(a, b, out, bias, activation, alpha, beta);
          const Bf16Unit chosen = unit ? bf16_unit_from_name(unit->c_str()) : bf16_unit();
          const Unlocked released;
          run(args, chosen);
        },
        py::arg("a"), py::arg("b"), py::arg("out"), py::arg("bias") = py::none(),
        py::arg("activation") = "linear", py::arg("alpha") = py::none(), py::arg("beta") = 0.0f,
        py::arg("unit") = py::none());
  };
  define_matmul("matmul_bf16", &run_matmul);
  define_matmul("matmul_bf16_ref", [](const MatmulBf16Args& args, Bf16Unit) { matmul_bf16_ref(args); });
}

}  // namespace hotloop::bind
