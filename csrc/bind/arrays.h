// NumPy arrays at the border: dtype, rank and layout are checked here, and refused by name.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "base/error.h"
#ifdef HOTLOOP_CUDA_HALF
#include "bind/device_array.h"
#endif

namespace hotloop::bind {

namespace py = pybind11;

// An array that a kernel works on: in the CPU half NumPy's own, in the CUDA half one on the device.
#ifdef HOTLOOP_CUDA_HALF
using Operand = DeviceArray;
#else
using Operand = py::array;
#endif

// Written down only when an error is: naming a dtype takes longer than many a kernel.
struct Description {
  const py::array& array;
};
inline Description describe(const py::array& a) { return {a}; }
inline std::ostream& operator<<(std::ostream& out, const Description& what) {
  out << py::str(what.array.dtype()).cast<std::string>() << " array of shape (";
  for (py::ssize_t i = 0; i < what.array.ndim(); ++i) out << (i ? ", " : "") << what.array.shape(i);
  return out << ")";
}

inline bool is_contiguous(const py::array& a) { return (a.flags() & py::array::c_style) != 0; }

// A C-contiguous array of exactly this dtype; Python's thin layer has converted already, so anything else is
// a caller's mistake. T* of an array that is written must come from writable_data.
template <class T>
const T* contiguous_data(const py::array& a, const char* name) {
  // Not by require: the names of dtypes would be made on every call.
  if (!py::isinstance<py::array_t<T>>(a) || !is_contiguous(a))
    throw std::invalid_argument(message(name, ": expected a C-contiguous ",
                                        py::str(py::dtype::of<T>()).cast<std::string>(), " array, got a ",
                                        describe(a), is_contiguous(a) ? "" : " that is not contiguous"));
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

// The same for an array of `size` elements that may be None, which gives null. HostMaybe is NumPy's on either
// half.
using Maybe = std::optional<Operand>;
using HostMaybe = std::optional<py::array>;
template <class T>
const T* optional_data(const Maybe& a, std::int64_t size, const char* name) {
  if (!a) return nullptr;
  require_size(*a, size, name);
  return contiguous_data<T>(*a, name);
}
template <class T>
T* optional_output(Maybe& a, std::int64_t size, const char* name) {
  if (!a) return nullptr;
  require_size(*a, size, name);
  return writable_data<T>(*a, name);
}

}  // namespace hotloop::bind
