// Arrays on the GPU at the border: anything with __cuda_array_interface__, looked at through NumPy's header.
// Its shape, strides and dtype are read there by the same checks as NumPy's own arrays; the memory is the
// device's, which nothing on the host may touch, so a DeviceArray never goes back to Python.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

namespace hotloop::bind {

class DeviceArray : public pybind11::array {
 public:
  using pybind11::array::array;

  // Also makes the stream that the array comes with the context's: CuPy's current one. Throws
  // pybind11::type_error for what is no such array, std::invalid_argument for memory of another device.
  static DeviceArray of(pybind11::handle object);
};

}  // namespace hotloop::bind

namespace pybind11::detail {

template <>
struct type_caster<hotloop::bind::DeviceArray> {
  PYBIND11_TYPE_CASTER(hotloop::bind::DeviceArray, const_name("cupy.ndarray"));

  bool load(handle source, bool) {
    value = hotloop::bind::DeviceArray::of(source);
    return true;
  }
  static handle cast(const hotloop::bind::DeviceArray&, return_value_policy, handle) {
    throw cast_error("arrays on the GPU are only looked at here, never returned");
  }
};

}  // namespace pybind11::detail
