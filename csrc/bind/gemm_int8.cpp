// Packed int8 weights and products with them, on contiguous arrays.
#include "ops/gemm_int8/gemm_int8.h"

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

// What out's dtype is decides what is written.
void set_output(GemmInt8Args& args, Operand& out) {
  require(out.ndim() == 2 && out.shape(0) == args.m && out.shape(1) == args.n, "out: expected shape (",
          args.m, ", ", args.n, "), got a ", describe(out));
  args.c_row = args.n;
  if (py::isinstance<py::array_t<std::uint8_t>>(out)) {
    args.output = Int8Output::u8;
    args.c = writable_data<std::uint8_t>(out, "out");
  } else if (py::isinstance<py::array_t<std::int32_t>>(out)) {
    args.output = Int8Output::s32;
    args.c = writable_data<std::int32_t>(out, "out");
  } else {
    args.output = Int8Output::f32;
    args.c = writable_data<float>(out, "out");
  }
}

// On a GPU weights may also be a matrix, [units][placed_depth_s8(k)]: transposed, and its rows filled up.
bool are_placed([[maybe_unused]] const Operand& weights, [[maybe_unused]] std::int64_t k,
                [[maybe_unused]] std::int64_t units) {
#ifdef HOTLOOP_CUDA_HALF
  return weights.ndim() == 2 && weights.shape(0) == units && weights.shape(1) == placed_depth_s8(k);
#else
  return false;
#endif
}

void define_gemm(py::module_& module, const char* name, void (*run)(const GemmInt8Args&)) {
  module.def(
      name,
      [run](const Operand& a, const Operand& packed, std::int64_t units, Operand out, const Maybe& bias,
            const Maybe& scale, const Maybe& row_scale, const Maybe& row_zero_point, const Maybe& column_sum,
            const Maybe& float_bias, const std::string& activation, std::optional<float> alpha, float beta,
            float out_inverse_scale, std::int32_t out_zero_point) {
        GemmInt8Args args;
        args.a = contiguous_data<std::uint8_t>(a, "a");
        require(a.ndim() == 2, "a: expected two dimensions, got a ", describe(a));
        args.m = a.shape(0), args.k = args.a_row = a.shape(1), args.n = units;
        require(args.k <= kLargestInt8Depth, "a: expected at most ", kLargestInt8Depth,
                " columns, so that no int32 sum overflows, got a ", describe(a));
        args.weights = contiguous_data<std::int8_t>(packed, "weights");
        args.weights_are_placed = are_placed(packed, args.k, args.n);
        require(args.weights_are_placed || packed.size() == packed_size_s8(args.k, args.n),
                "weights: expected ", packed_size_s8(args.k, args.n), " elements, got a ", describe(packed));
        set_output(args, out);
        args.bias = optional_data<std::int32_t>(bias, args.n, "bias");
        args.scale = optional_data<float>(scale, args.n, "scale");
        require(args.scale != nullptr || args.output == Int8Output::s32, "scale: expected one for a ",
                describe(out), " as output");
        args.row_scale = optional_data<float>(row_scale, args.m, "row_scale");
        args.row_zero_point = optional_data<std::int32_t>(row_zero_point, args.m, "row_zero_point");
        args.column_sum = optional_data<std::int32_t>(column_sum, args.n, "column_sum");
        require((args.row_scale != nullptr) == (args.row_zero_point != nullptr) &&
                    (args.row_scale != nullptr) == (args.column_sum != nullptr),
                "row_scale, row_zero_point, column_sum: expected all of them or none");
        args.float_bias = optional_data<float>(float_bias, args.n, "float_bias");
        require(args.float_bias == nullptr || args.row_scale != nullptr,
                "float_bias: expected row_scale with it");
        args.activation = elementwise_activation(activation.c_str(), alpha, beta);
        args.out_inverse_scale = out_inverse_scale;
        require(out_zero_point >= 0 && out_zero_point <= 255, "zero_point: expected 0 to 255, got ",
                out_zero_point);
        args.out_zero_point = out_zero_point;
        const Unlocked released;
        run(args);
      },
      py::arg("a"), py::arg("weights"), py::arg("units"), py::arg("out"), py::arg("bias") = py::none(),
      py::arg("scale") = py::none(), py::arg("row_scale") = py::none(),
      py::arg("row_zero_point") = py::none(), py::arg("column_sum") = py::none(),
      py::arg("float_bias") = py::none(), py::arg("activation") = "linear", py::arg("alpha") = py::none(),
      py::arg("beta") = 0.0f, py::arg("out_inverse_scale") = 1.0f, py::arg("out_zero_point") = 0);
}

}  // namespace

void bind_gemm_int8(py::module_& module) {
  module.def("packed_size_s8", &packed_size_s8, py::arg("k"), py::arg("n"));
  module.def(
      "pack_weights_s8",
      // On either half packed in host memory; whoever multiplies on a GPU takes it there.
      [](const py::array& weights, py::array packed, py::array column_sums) {
        const std::int8_t* from = contiguous_data<std::int8_t>(weights, "weights");
        require(weights.ndim() == 2, "weights: expected two dimensions, got a ", describe(weights));
        const std::int64_t k = weights.shape(0), n = weights.shape(1);
        std::int8_t* to = writable_data<std::int8_t>(packed, "packed");
        require_size(packed, packed_size_s8(k, n), "packed");
        std::int32_t* sums = writable_data<std::int32_t>(column_sums, "column_sums");
        require_size(column_sums, n, "column_sums");
        const Unlocked released;
        pack_weights_s8(from, k, n, to);
        column_sums_s8(to, k, n, sums, nullptr);
      },
      py::arg("weights"), py::arg("packed"), py::arg("column_sums"));
  define_gemm(module, "gemm_int8", [](const GemmInt8Args& args) {
    const auto products =
        static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
    const int threads = products < 2e6 ? 1 : threads_worth(products * 5e-12);
    run_team(threads, [&](Team& team) { gemm_int8(args, team.share()); });
  });
  define_gemm(module, "gemm_int8_ref", &gemm_int8_ref);
}

}  // namespace hotloop::bind
