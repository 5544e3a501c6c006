// float32 to u8 and back, and the statistics of calibration, on contiguous NumPy arrays.
#include "ops/quantize/quantize.h"

#include <pybind11/pybind11.h>

#include <utility>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

void bind_quantize_u8(py::module_& module) {
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& x, double scale, std::int64_t zero_point, Operand out) {
          const float* from = contiguous_data<float>(x, "x");
          std::uint8_t* to = writable_data<std::uint8_t>(out, "out");
          require_size(out, x.size(), "out");
          const Quantization how = checked_quantization(scale, zero_point, "quantize");
          const std::int64_t n = x.size();
          const Unlocked released;
          run(from, how, to, n);
        },
        py::arg("x"), py::arg("scale"), py::arg("zero_point"), py::arg("out"));
  };
  define("quantize", [](const float* x, Quantization how, std::uint8_t* q, std::int64_t n) {
    run_team(threads_for(n), [&](Team& team) { quantize_u8(x, how, q, n, team.share()); });
  });
  define("quantize_ref", &quantize_ref);
  module.def(
      "quantize_columns",
      [](const Operand& x, const Operand& inverse, const Operand& offset, Operand out) {
        const float* from = contiguous_data<float>(x, "x");
        require(x.ndim() == 2, "x: expected two dimensions, got a ", describe(x));
        const std::int64_t rows = x.shape(0), cols = x.shape(1);
        const float* inverses = contiguous_data<float>(inverse, "inverse");
        const float* offsets = contiguous_data<float>(offset, "offset");
        std::uint8_t* to = writable_data<std::uint8_t>(out, "out");
        require_size(inverse, cols, "inverse");
        require_size(offset, cols, "offset");
        require_size(out, rows * cols, "out");
        const Unlocked released;
        run_team(threads_for(rows * cols), [&](Team& team) {
          quantize_columns_u8(from, rows, cols, inverses, offsets, to, team.share());
        });
      },
      py::arg("x"), py::arg("inverse"), py::arg("offset"), py::arg("out"));
  module.def(
      "dequantize",
      [](const Operand& q, double scale, std::int64_t zero_point, Operand out) {
        const std::uint8_t* from = contiguous_data<std::uint8_t>(q, "q");
        float* to = writable_data<float>(out, "out");
        require_size(out, q.size(), "out");
        const Quantization how = checked_quantization(scale, zero_point, "dequantize");
        const std::int64_t n = q.size();
        const Unlocked released;
        run_team(threads_for(n), [&](Team& team) { dequantize_u8(from, how, to, n, team.share()); });
      },
      py::arg("q"), py::arg("scale"), py::arg("zero_point"), py::arg("out"));
  module.def(
      "quantize_rows",
      [](const Operand& x, Operand out, Operand scale, Operand zero_point) {
        const float* from = contiguous_data<float>(x, "x");
        require(x.ndim() == 2, "x: expected two dimensions, got a ", describe(x));
        std::uint8_t* to = writable_data<std::uint8_t>(out, "out");
        float* scales = writable_data<float>(scale, "scale");
        std::int32_t* zero_points = writable_data<std::int32_t>(zero_point, "zero_point");
        const std::int64_t rows = x.shape(0), cols = x.shape(1);
        require_size(out, rows * cols, "out");
        require_size(scale, rows, "scale");
        require_size(zero_point, rows, "zero_point");
        const Unlocked released;
        run_team(threads_for(rows * cols), [&](Team& team) {
          quantize_rows_u8(from, rows, cols, to, scales, zero_points, team.share());
        });
      },
      py::arg("x"), py::arg("out"), py::arg("scale"), py::arg("zero_point"));
}

}  // namespace

void bind_quantize(py::module_& module) {
  bind_quantize_u8(module);
  module.def(
      "min_max",
      [](const Operand& x) {
        const float* from = contiguous_data<float>(x, "x");
        const std::int64_t n = x.size();
        float low, high;
        {
          const Unlocked released;
          min_max(from, n, &low, &high);
        }
        return std::pair(low, high);
      },
      py::arg("x"));
}

}  // namespace hotloop::bind
