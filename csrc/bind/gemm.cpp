// Matrix products on NumPy arrays of any strides.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm/gemm.h"

namespace hotloop::bind {
namespace {

bool whole_elements(const Operand& a, int axis) { return a.strides(axis) % 4 == 0 || a.shape(axis) <= 1; }

void require_matrix(const Operand& a, const char* name) {
  require(
      py::isinstance<py::array_t<float>>(a) && a.ndim() == 2 && whole_elements(a, 0) && whole_elements(a, 1),
      name, ": expected a 2-D float32 array with aligned elements, got a ", describe(a));
}

GemmArgs gemm_args(const Operand& a, const Operand& b, Operand& c, const Maybe& bias,
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

// On as many threads as pay. Opening a team costs a few microseconds: as much as a million operations.
void run_gemm(const GemmArgs& args, double operations) {
  const int threads = operations < 4e6 ? 1 : std::min(threads_worth(operations * 1e-11), most_threads());
  thread_local AlignedBuffer workspace;
  const std::int64_t floats = gemm_workspace(args);
  workspace.reserve(threads * floats * size_of(DType::f32));
  float* memory = workspace.as<float>();
  if (threads == 1) return gemm(args, memory, Share{});
  run_team(threads, [&](Team& team) { gemm(args, memory + team.rank() * floats, team.share()); });
}

// A new array in this half's memory, and where it begins.
#ifdef HOTLOOP_CUDA_HALF
using NewFloats = py::object;
#else
using NewFloats = py::array_t<float>;
#endif
std::pair<NewFloats, float*> new_floats(std::int64_t n) {
#ifdef HOTLOOP_CUDA_HALF
  NewFloats made = py::module_::import("hotloop.device").attr("gpu")().attr("empty")(n);
  Operand array = Operand::of(made);
#else
  NewFloats made(n);
  py::array& array = made;
#endif
  auto* const begin = static_cast<float*>(array.mutable_data());
  return {std::move(made), begin};
}

double operations_of(const GemmArgs& args) {
  return 2.0 * static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
}

#ifndef HOTLOOP_CUDA_HALF

// What NumPy's array object holds, or null for anything but a plain aligned float32 array of `ndim`.
const py::detail::PyArray_Proxy* plain(PyObject* object, int ndim) {
  static PyObject* const type = reinterpret_cast<PyObject*>(py::detail::npy_api::get().PyArray_Type_);
  static PyObject* const float32 = py::dtype::of<float>().release().ptr();
  if (reinterpret_cast<PyObject*>(Py_TYPE(object)) != type) return nullptr;
  const auto* array = py::detail::array_proxy(object);
  const bool fits = array->nd == ndim && array->descr == float32 &&
                    (array->flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_);
  return fits ? array : nullptr;
}

// The first byte of an array and the one behind its last.
struct Extent {
  const char *begin, *end;
};
Extent extent(const py::detail::PyArray_Proxy* array) {
  Extent all{array->data, array->data + 4};
  for (int i = 0; i < array->nd; ++i) {
    const py::ssize_t reach = (array->dimensions[i] - 1) * array->strides[i];
    (reach < 0 ? all.begin : all.end) += reach;
  }
  return all;
}
bool apart(Extent a, Extent b) { return a.end <= b.begin || b.end <= a.begin; }

// The common case without pybind11's conversions, which cost more than a small product does: plain matrices,
// a contiguous bias or None, no activation or ReLU, `out` None or a matrix the kernel can write in place.
// Returns None where it is another one.
PyObject* gemm_quick(PyObject*, PyObject* const* given, Py_ssize_t count) {
  if (count != 5) {
    PyErr_SetString(PyExc_TypeError, "gemm_quick: expected a, b, bias, activation and out");
    return nullptr;
  }
  const auto* a = plain(given[0], 2);
  const auto* b = plain(given[1], 2);
  const auto* bias = given[2] == Py_None ? nullptr : plain(given[2], 1);
  const bool linear = given[3] == Py_None;
  if (a == nullptr || b == nullptr || (bias == nullptr && given[2] != Py_None)) Py_RETURN_NONE;
  if (!linear && !(PyUnicode_CheckExact(given[3]) && PyUnicode_CompareWithASCIIString(given[3], "relu") == 0))
    Py_RETURN_NONE;
  GemmArgs args;
  args.m = a->dimensions[0], args.n = b->dimensions[1], args.k = a->dimensions[1];
  if (b->dimensions[0] != args.k || args.m == 0 || args.n == 0 || args.k == 0) Py_RETURN_NONE;
  args.a = reinterpret_cast<const float*>(a->data), args.a_row = a->strides[0] / 4,
  args.a_col = a->strides[1] / 4;
  args.b = reinterpret_cast<const float*>(b->data), args.b_row = b->strides[0] / 4,
  args.b_col = b->strides[1] / 4;
  if (bias != nullptr) {
    if (bias->dimensions[0] != args.n || (bias->strides[0] != 4 && args.n > 1)) Py_RETURN_NONE;
    args.bias = reinterpret_cast<const float*>(bias->data);
  }
  if (!linear) args.activation.kind = Activation::relu;

  PyObject* result = given[4];
  if (result == Py_None) {
    const auto& numpy = py::detail::npy_api::get();
    const Py_intptr_t shape[] = {args.m, args.n};
    result = numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, py::dtype::of<float>().release().ptr(), 2,
                                         shape, nullptr, nullptr, 0, nullptr);
    if (result == nullptr) return nullptr;
    args.c_row = args.n;
  } else {
    const auto* c = plain(result, 2);
    if (c == nullptr || !(c->flags & py::detail::npy_api::NPY_ARRAY_WRITEABLE_)) Py_RETURN_NONE;
    if (c->dimensions[0] != args.m || c->dimensions[1] != args.n) Py_RETURN_NONE;
    if ((c->strides[1] != 4 && args.n > 1) || (args.m > 1 && std::abs(c->strides[0]) < 4 * args.n))
      Py_RETURN_NONE;
    const Extent written = extent(c);
    if (!apart(written, extent(a)) || !apart(written, extent(b))) Py_RETURN_NONE;
    if (bias != nullptr && !apart(written, extent(bias))) Py_RETURN_NONE;
    args.c_row = args.m > 1 ? c->strides[0] / 4 : args.n;
    Py_INCREF(result);
  }
  args.c = reinterpret_cast<float*>(py::detail::array_proxy(result)->data);
  try {
    // Giving the GIL away and asking for it again pays from several microseconds on.
    const double operations = operations_of(args);
    std::optional<Unlocked> released;
    if (operations > 1e6) released.emplace();
    run_gemm(args, operations);
    return result;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  Py_DECREF(result);
  return nullptr;
}

PyMethodDef gemm_quick_method = {
    "gemm_quick", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&gemm_quick)), METH_FASTCALL,
    "gemm_quick(a: object, b: object, bias: object, activation: object, out: object) -> object\n\n"
    "activation(a @ b + bias) for plain float32 arrays, or None where the arguments are of another kind."};

#endif

}  // namespace

void bind_gemm(py::module_& module) {
#ifndef HOTLOOP_CUDA_HALF  // it reads NumPy's own arrays
  module.add_object("gemm_quick",
                    PyCFunction_NewEx(&gemm_quick_method, nullptr, module.attr("__name__").ptr()));
#endif
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& a, const Operand& b, Operand c, const Maybe& bias, const std::string& activation,
              std::optional<float> alpha, float beta, bool accumulate, const Maybe& packed) {
          GemmArgs args = gemm_args(a, b, c, bias, activation, alpha, beta, accumulate);
          args.b_packed = optional_data<float>(packed, gemm_packed_size(args.k, args.n), "packed");
          const Unlocked released;
          run(args);
        },
        py::arg("a"), py::arg("b"), py::arg("out"), py::arg("bias") = py::none(),
        py::arg("activation") = "linear", py::arg("alpha") = py::none(), py::arg("beta") = 0.0f,
        py::arg("accumulate") = false, py::arg("packed") = py::none());
  };
  define("gemm", [](const GemmArgs& args) { run_gemm(args, operations_of(args)); });
  define("gemm_ref", &gemm_ref);
  module.def(
      "gemm_path",
      [](const Operand& a, const Operand& b, Operand c, const Maybe& packed) {
        GemmArgs args = gemm_args(a, b, c, std::nullopt, "linear", std::nullopt, 0.0f, false);
        args.b_packed = optional_data<float>(packed, gemm_packed_size(args.k, args.n), "packed");
        return gemm_path(args);
      },
      py::arg("a"), py::arg("b"), py::arg("out"), py::arg("packed") = py::none(),
      "How gemm would go about this product on one thread.");

  module.def(
      "gemm_pack_b",
      [](const Operand& b) {
        require_matrix(b, "b");
        const std::int64_t k = b.shape(0), n = b.shape(1);
        const auto [packed, to] = new_floats(gemm_packed_size(k, n));
        const auto* from = static_cast<const float*>(b.data());
        const std::int64_t row = b.strides(0) / 4, col = b.strides(1) / 4;
        const Unlocked released;
        run_team(threads_for(k * n, kWorthMoving),
                 [&, to = to](Team& team) { gemm_pack_b(from, row, col, k, n, to, team.share()); });
        return packed;
      },
      py::arg("b"), "b in the order in which gemm(packed=) reads it.");
  module.def(
      "gemm_batch",
      [](const Operand& a, const Operand& packed, Operand c, const Maybe& bias, bool accumulate, bool relu) {
        require(a.ndim() == 3 && packed.ndim() == 2 && c.ndim() == 2,
                "gemm_batch: expected a of 3 dimensions, "
                "packed and out of 2, got a ",
                describe(a), ", a ", describe(packed), " and a ", describe(c));
        const float* first = contiguous_data<float>(a, "a");
        const float* second = contiguous_data<float>(packed, "packed");
        GemmBatch batch;
        batch.count = a.shape(0), batch.m = a.shape(1), batch.k = a.shape(2), batch.n = c.shape(1);
        batch.a_row = batch.k, batch.c_row = batch.n;
        batch.c = writable_data<float>(c, "out"), batch.bias = optional_data<float>(bias, batch.n, "bias");
        batch.accumulate = accumulate, batch.relu = relu;
        const std::int64_t size = gemm_packed_size(batch.k, batch.n);
        require(c.shape(0) == batch.m && packed.shape(0) == batch.count && packed.shape(1) == size,
                "gemm_batch: expected ", batch.count, " packed matrices of ", size, " numbers and an out of ",
                batch.m, " rows, got a ", describe(packed), " and a ", describe(c));
        require(batch.count > 0 && batch.k <= gemm_batch_depth(),
                "a: expected at least one matrix of at most ", gemm_batch_depth(), " columns, got a ",
                describe(a));
        std::vector<const float*> lefts, rights;
        for (std::int64_t i = 0; i < batch.count; ++i)
          lefts.push_back(first + i * batch.m * batch.k), rights.push_back(second + i * size);
        batch.a = lefts.data(), batch.b = rights.data();
        const Unlocked released;
        gemm_batch(batch);
      },
      py::arg("a"), py::arg("packed"), py::arg("out"), py::arg("bias") = py::none(),
      py::arg("accumulate") = false, py::arg("relu") = false,
      "out = sum over i of a[i] @ b[i], the packed[i] being made by gemm_pack_b.");

  const auto define_sum = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& x, Operand sums, bool accumulate) {
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
                        [&](Team& team) { column_sum(x, cols, sums, accumulate, rows, cols, team.share()); });
             });
  define_sum("column_sum_ref",
             [](const float* x, float* sums, bool accumulate, std::int64_t rows, std::int64_t cols) {
               column_sum_ref(x, cols, sums, accumulate, rows, cols);
             });
}

}  // namespace hotloop::bind
