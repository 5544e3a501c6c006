// Products on the GPU's tensor cores, on CuPy arrays of any layout.
#include "ops/gemm_tensor/gemm_tensor.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "ops/gemm_tensor/gemm_tensor_ampere.h"

namespace hotloop::bind {
namespace {

struct Layout {
  const void* data;
  bool along_k;          // k is contiguous
  std::int64_t leading;  // elements
};

// k_axis: which of the matrix's axes k is.
Layout layout_of(const Operand& x, int k_axis, const char* name) {
  const py::ssize_t size = x.itemsize();
  const auto contiguous = [&](int axis) { return x.strides(axis) == size || x.shape(axis) <= 1; };
  const bool along_k = contiguous(k_axis);
  const int outer = along_k ? 1 - k_axis : k_axis;
  require(x.size() == 0 || contiguous(1 - outer), name,
          ": expected rows or columns that are contiguous, got a ", describe(x), " of strides ", x.strides(0),
          " and ", x.strides(1));
  require(x.strides(outer) % size == 0, name, ": expected whole elements from row to row");
  const bool lone = x.shape(outer) <= 1;
  return {x.data(), along_k, lone ? x.shape(1 - outer) : x.strides(outer) / size};
}

TensorType type_of(const Operand& a, const Operand& b) {
  const auto both = [&](auto number) {
    using T = decltype(number);
    return py::isinstance<py::array_t<T>>(a) && py::isinstance<py::array_t<T>>(b);
  };
  const bool bf16 = both(std::uint16_t{});
  require(bf16 || both(float{}), "gemm_tensor: expected two uint16 (bfloat16) or two float32 arrays, got a ",
          describe(a), " and a ", describe(b));
  return bf16 ? TensorType::bf16 : TensorType::tf32;
}

GemmTensorArgs tensor_args(const Operand& a, const Operand& b, Operand& c, const Maybe& bias,
                           const std::string& activation, std::optional<float> alpha, float beta,
                           bool accumulate) {
  require(a.ndim() == 2 && b.ndim() == 2 && b.shape(0) == a.shape(1),
          "gemm_tensor: expected as many rows in b as columns in a, got a ", describe(a), " and a ",
          describe(b));
  GemmTensorArgs args;
  args.m = a.shape(0), args.k = a.shape(1), args.n = b.shape(1);
  const Layout left = layout_of(a, 1, "a"), right = layout_of(b, 0, "b");
  args.a = left.data, args.a_k_contiguous = left.along_k, args.lda = left.leading;
  args.b = right.data, args.b_k_contiguous = right.along_k, args.ldb = right.leading;
  require(c.ndim() == 2 && c.shape(0) == args.m && c.shape(1) == args.n, "out: expected shape (", args.m,
          ", ", args.n, "), got a ", describe(c));
  const py::ssize_t size = c.itemsize();
  require(c.writeable(), "out: expected a writable array, got a read-only one");
  require(c.size() == 0 || ((c.strides(1) == size || args.n == 1) && c.strides(0) % size == 0),
          "out: expected contiguous rows, got columns ", c.strides(1), " bytes apart");
  args.ldc = args.m <= 1 ? args.n : c.strides(0) / size;
  if (py::isinstance<py::array_t<std::uint16_t>>(c)) {
    args.c_bf16 = static_cast<std::uint16_t*>(c.mutable_data());
  } else {
    require(py::isinstance<py::array_t<float>>(c),
            "out: expected a float32 or uint16 (bfloat16) array, got a ", describe(c));
    args.c = static_cast<float*>(c.mutable_data());
  }
  args.bias = optional_data<float>(bias, args.n, "bias");
  args.accumulate = accumulate;
  args.activation = elementwise_activation(activation.c_str(), alpha, beta);
  return args;
}

void multiply(TensorType type, const GemmTensorArgs& args, const std::optional<std::string>& block) {
  if (!block) return gemm_tensor(type, args);
  const TensorBlock chosen = tensor_block_from_name(block->c_str());
  require(args.m > 0 && args.n > 0, "block: expected something to compute");
  type == TensorType::bf16 ? gemm_bf16_ampere(args, chosen) : gemm_tf32_ampere(args, chosen);
}

}  // namespace

void bind_gemm_tensor(py::module_& module) {
  module.def(
      "gemm_tensor",
      [](const Operand& a, const Operand& b, Operand out, const Maybe& bias, const std::string& activation,
         std::optional<float> alpha, float beta, bool accumulate, const std::optional<std::string>& block) {
        const TensorType type = type_of(a, b);
        const GemmTensorArgs args = tensor_args(a, b, out, bias, activation, alpha, beta, accumulate);
        const Unlocked released;
        multiply(type, args, block);
      },
      py::arg("a"), py::arg("b"), py::arg("out"), py::arg("bias") = py::none(),
      py::arg("activation") = "linear", py::arg("alpha") = py::none(), py::arg("beta") = 0.0f,
      py::arg("accumulate") = false, py::arg("block") = py::none(),
      "out = act(a b + bias), or out += a b, for bfloat16 operands or float32 ones rounded to TF32. block "
      "('large', 'medium' or 'small') has the Ampere engine's blocks of that size do it.");
  module.def(
      "tensor_engine",
      [](const Operand& a, const Operand& b, Operand out) {
        const TensorType type = type_of(a, b);
        const GemmTensorArgs args = tensor_args(a, b, out, std::nullopt, "linear", std::nullopt, 0.0f, false);
        return std::string(tensor_engine_name(tensor_engine(type, args)));
      },
      py::arg("a"), py::arg("b"), py::arg("out"),
      "Which engine gemm_tensor would take: 'ampere' or 'hopper'.");
}

}  // namespace hotloop::bind
