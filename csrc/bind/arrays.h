// NumPy arrays at the border: dtype, rank and layout are checked here, and refused by name.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/error.h"

namespace hotloop::bind {

namespace py = pybind11;

inline std::string describe(const py::array& a) {
  std::string text = py::str(a.dtype()).cast<std::string>() + " array of shape (";
  for (py::ssize_t i = 0; i < a.ndim(); ++i) text += (i ? ", " : "") + std::to_string(a.shape(i));
  return text + ")";
}

inline bool is_contiguous(const py::array& a) { return (a.flags() & py::array::c_style) != 0; }

// A C-contiguous array of exactly this dtype; Python's thin layer has converted already, so anything else is
// a caller's mistake. T* of an array that is written must come from writable_data.
template <class T>
const T* contiguous_data(const py::array& a, const char* name) {
  require(py::isinstance<py::array_t<T>>(a) && is_contiguous(a), name, ": expected a C-contiguous ",
          py::str(py::dtype::of<T>()).cast<std::string>(), " array, got a ", describe(a),
          is_contiguous(a) ? "" : " that is not contiguous");
  return static_cast<const T*>(a.data());
}

template <class T>
T* writable_data(py::array& a, const char* name) {
  contiguous_data<T>(a, name);
  require(a.writeable(), name, ": expected a writable array, got a read-only one");
  return static_cast<T*>(a.mutable_data());
}

inline void require_size(const py::array& a, std::int64_t size, const char* name) {
  require(a.size() == size, name, ": expected ", size, " elements, got a ", describe(a));
}

}  // namespace hotloop::bind
