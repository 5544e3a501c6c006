// The short way in for one array of rows, and out for another: what needs no conversion is recognised by its
// header alone. Everything else, and every complaint, is the affair of Python's thorough checks.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "bind/gil.h"
#include "bind/py_hook.h"
#include "program/infer.h"

namespace hotloop::bind {

namespace py = pybind11;

class PlainRows {
 public:
  using Shape = std::vector<py::ssize_t>;

  // The values and, of one sample each, the shapes of a program's one input and one output.
  PlainRows(const ValueSpec& input, const ValueSpec& output, Shape input_shape, Shape output_shape)
      : input_{input.features(), std::move(input_shape)},
        output_{output.features(), std::move(output_shape)},
        integers_(input.dtype == DType::i32) {
    require(output.dtype == DType::f32, "shapes: expected a program whose output is float32; cast it");
    for (const Sample& sample : {input_, output_}) {
      std::int64_t size = 1;
      for (const py::ssize_t axis : sample.shape) size *= axis;
      require(size == sample.size && sample.shape.size() < kMostAxes, "shapes: expected fewer than ",
              kMostAxes, " axes and ", sample.size, " numbers, got ", size);
    }
  }

  // Calls run(request) for the rows of x, writing to out or (None) a new array, and returns that. None, and
  // nothing done, where x or out is not plain; None too where a number is not finite and should be. With
  // fewer than `many` rows the GIL is kept: getting it back would take longer than the work.
  template <class Run>
  py::object run(py::handle x, py::handle out, bool allow_nonfinite, double many, const Run& run) const {
    if (!takes(x) || !(out.is_none() || takes_output(out, x))) return py::none();
    Feed feed;
    feed.rows = header(x).dimensions[0];
    feed.inputs.push_back({header(x).data, input_.size, dtype_of(x)});
    const py::object result = out.is_none() ? new_output(feed.rows) : py::reinterpret_borrow<py::object>(out);
    const std::vector<float*> results{reinterpret_cast<float*>(header(result).data)};
    PyHook hook(py::none{});
    bool finite = false;
    {
      std::optional<Unlocked> released;
      if (static_cast<double>(feed.rows) >= many) released.emplace();
      finite = run(InferRequest{feed, results, hook.native(), !allow_nonfinite});
    }
    hook.rethrow();
    return finite ? result : py::none();
  }

 private:
  using Api = py::detail::npy_api;
  static constexpr std::size_t kMostAxes = 32;
  struct Sample {
    std::int64_t size;
    Shape shape;
  };

  static const py::detail::PyArray_Proxy& header(py::handle x) { return *py::detail::array_proxy(x.ptr()); }

  // One or more samples, float32 or uint8 (or int32, where the program wants that), that lie as a program
  // reads them.
  bool takes(py::handle x) const {
    if (!is_plain(x, input_) || header(x).dimensions[0] <= 0) return false;
    return integers_ ? is<std::int32_t>(x) : is<float>(x) || is<std::uint8_t>(x);
  }
  DType dtype_of(py::handle x) const {
    return integers_ ? DType::i32 : is<float>(x) ? DType::f32 : DType::u8;
  }
  // Room for as many rows as x has that shares no memory with it.
  bool takes_output(py::handle out, py::handle x) const {
    return is_plain(out, output_) && header(out).dimensions[0] == header(x).dimensions[0] && is<float>(out) &&
           (header(out).flags & Api::NPY_ARRAY_WRITEABLE_) != 0 && !overlap(out, x);
  }

  // An ndarray proper, no subclass, of rows of such samples.
  static bool is_plain(py::handle x, const Sample& sample) {
    constexpr int kWanted = Api::NPY_ARRAY_C_CONTIGUOUS_ | Api::NPY_ARRAY_ALIGNED_;
    if (Py_TYPE(x.ptr()) != Api::get().PyArray_Type_) return false;
    const auto& array = header(x);
    if ((array.flags & kWanted) != kWanted || array.nd != static_cast<int>(sample.shape.size()) + 1)
      return false;
    for (std::size_t i = 0; i < sample.shape.size(); ++i)
      if (array.dimensions[i + 1] != sample.shape[i]) return false;
    return true;
  }
  template <class T>
  static bool is(py::handle x) {
    constexpr int kNumber = sizeof(T) == 1                    ? Api::NPY_UBYTE_
                            : std::is_same_v<T, std::int32_t> ? Api::NPY_INT_
                                                              : Api::NPY_FLOAT_;
    const auto* dtype = py::detail::array_descriptor_proxy(header(x).descr);
    return dtype->type_num == kNumber && (sizeof(T) == 1 || dtype->byteorder == '=');
  }
  bool overlap(py::handle out, py::handle x) const {
    const std::int64_t rows = header(x).dimensions[0];
    const char* const from = header(x).data;
    const char* const to = header(out).data;
    return to < from + rows * input_.size * size_of(dtype_of(x)) && from < to + rows * output_.size * 4;
  }

  py::object new_output(std::int64_t rows) const {
    Py_intptr_t shape[kMostAxes] = {static_cast<Py_intptr_t>(rows)};
    for (std::size_t i = 0; i < output_.shape.size(); ++i) shape[i + 1] = output_.shape[i];
    const Api& api = Api::get();
    PyObject* const array = api.PyArray_NewFromDescr_(
        api.PyArray_Type_, py::dtype(Api::NPY_FLOAT_).release().ptr(),
        static_cast<int>(output_.shape.size()) + 1, shape, nullptr, nullptr, 0, nullptr);
    if (array == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(array);
  }

  Sample input_, output_;
  const bool integers_;  // what the input holds
};

}  // namespace hotloop::bind
