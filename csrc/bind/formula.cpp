// The formulas of math/, on contiguous NumPy arrays.
#include "ops/formula/formula.h"

#include <pybind11/pybind11.h>

#include <string>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {

void bind_formula(py::module_& module) {
  module.def(
      "apply_formula",
      [](const std::string& name, const py::array& x, py::array y) {
        const Formula formula = formula_from_name(name.c_str());
        require_size(y, x.size(), "y");
        const float* from = contiguous_data<float>(x, "x");
        float* to = writable_data<float>(y, "y");
        const std::int64_t n = x.size();
        const Unlocked released;
        run_team(threads_for(n), [&](Team& team) { apply_formula(formula, from, to, n, team.share()); });
      },
      py::arg("formula"), py::arg("x"), py::arg("y"));
}

}  // namespace hotloop::bind
