// float32 arrays to int32.
#include "ops/cast/cast.h"

#include <pybind11/pybind11.h>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {

void bind_cast(py::module_& module) {
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& x, Operand y) {
          const float* from = contiguous_data<float>(x, "x");
          std::int32_t* to = writable_data<std::int32_t>(y, "y");
          require_size(y, x.size(), "y");
          const std::int64_t n = x.size();
          const Unlocked released;
          run(from, to, n);
        },
        py::arg("x"), py::arg("y"));
  };
  define("cast_to_int", [](const float* x, std::int32_t* y, std::int64_t n) {
    run_team(threads_for(n, kWorthMoving), [&](Team& team) { cast_to_int(x, y, n, team.share()); });
  });
  define("cast_to_int_ref", &cast_to_int_ref);
}

}  // namespace hotloop::bind
