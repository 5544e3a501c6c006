// Copies between arrays of any strides, and into zeros.
#include "ops/strided/strided_copy.h"

#include <pybind11/pybind11.h>

#include <cstdlib>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

bool is_word(const Operand& a) {
  return py::isinstance<py::array_t<float>>(a) || py::isinstance<py::array_t<std::int32_t>>(a);
}

StridedCopy copy_of(const Operand& x, const Operand& y, bool accumulate) {
  require(is_word(x) && x.dtype().is(y.dtype()) && y.writeable(),
          "y: expected a writable array of x's dtype, float32 or int32, got a ", describe(y), " for a ",
          describe(x));
  require(!accumulate || py::isinstance<py::array_t<float>>(x), "accumulate: expected float32 to add, got a ",
          describe(x));
  require(x.ndim() == y.ndim() && x.ndim() <= kMostCopyAxes, "y: expected as many axes as x, at most ",
          kMostCopyAxes, ", got a ", describe(y), " for a ", describe(x));
  StridedCopy copy;
  for (int a = 0; a < x.ndim(); ++a) {
    require(x.shape(a) == y.shape(a), "y: expected x's shape, got a ", describe(y), " for a ", describe(x));
    require(x.size() == 0 || x.shape(a) <= 1 ||
                (x.strides(a) % 4 == 0 && y.strides(a) % 4 == 0 && y.strides(a) != 0),
            "x, y: expected aligned elements, and none of y twice");
    copy.add(x.shape(a), x.strides(a) / 4, y.strides(a) / 4);
  }
  return copy;
}

}  // namespace

void bind_strided_copy(py::module_& module) {
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& x, Operand y, bool accumulate) {
          const StridedCopy copy = copy_of(x, y, accumulate);
          const std::int64_t n = x.size();
          if (n == 0) return;
          const auto* from = static_cast<const float*>(x.data());
          auto* to = static_cast<float*>(y.mutable_data());
          const Unlocked released;
          run(copy, from, to, accumulate, n);
        },
        py::arg("x"), py::arg("y"), py::arg("accumulate") = false);
  };
  define("strided_copy",
         [](const StridedCopy& given, const float* x, float* y, bool accumulate, std::int64_t n) {
           const StridedCopy copy = simplified(given);
           run_team(threads_for(n, kWorthMoving),
                    [&](Team& team) { strided_copy(copy, x, y, accumulate, team.share()); });
         });
  define("strided_copy_ref", [](const StridedCopy& copy, const float* x, float* y, bool accumulate,
                                std::int64_t) { strided_copy_ref(copy, x, y, accumulate); });
  module.def(
      "clear",
      [](Operand y) {
        float* to = writable_data<float>(y, "y");
        const std::int64_t n = y.size();
        const Unlocked released;
        run_team(threads_for(n, kWorthMoving), [&](Team& team) { clear(to, n, team.share()); });
      },
      py::arg("y"));
}

}  // namespace hotloop::bind
