// Measurements of the machine itself.
#include "ops/peaks/peaks.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"

namespace hotloop::bind {

void bind_peaks(py::module_& module) {
  module.def(
      "has_peak", [](const std::string& name) { return has_peak(peak_from_name(name.c_str())); },
      py::arg("name"));
  module.def(
      "measure_peak",
      [](const std::string& name, int threads, double seconds) {
        const Peak peak = peak_from_name(name.c_str());
        const Unlocked released;
        return measure_peak(peak, threads, seconds);
      },
      py::arg("name"), py::arg("threads"), py::arg("seconds"), "Operations a second.");
  module.def(
      "measure_stream",
      [](const std::string& name, py::array memory, std::int64_t bytes, int threads, double seconds) {
        const Stream stream = stream_from_name(name.c_str());
        float* data = writable_data<float>(memory, "memory");
        require(bytes <= memory.nbytes(), "bytes: expected at most the memory's ", memory.nbytes(), ", got ",
                bytes);
        const Unlocked released;
        return measure_stream(stream, data, bytes, threads, seconds);
      },
      py::arg("name"), py::arg("memory"), py::arg("bytes"), py::arg("threads"), py::arg("seconds"),
      "Bytes read plus bytes written a second.");
}

}  // namespace hotloop::bind
