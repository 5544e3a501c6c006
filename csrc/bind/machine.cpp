// Threads and ISA levels.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bind/families.h"
#include "cpu/cache.h"
#include "cpu/isa.h"
#include "cpu/team.h"

namespace hotloop::bind {

namespace py = pybind11;

void bind_machine(py::module_& module) {
  module.def("num_threads", &num_threads);
  module.def("set_num_threads", &set_num_threads, py::arg("threads"));
  module.def("available_cpus", &available_cpus);
  module.def("caches", [] { return cache_text(caches()); });
  module.def("isa_level", [] { return std::string(isa_name(isa_level())); });
  module.def("best_isa_level", [] { return std::string(isa_name(best_isa_level())); });
  module.def(
      "set_isa_level", [](const std::string& name) { set_isa_level(isa_from_name(name.c_str())); },
      py::arg("level"));
  module.def("isa_levels", [] {
    std::vector<std::string> names;
    for (int level = 0; level <= static_cast<int>(best_isa_level()); ++level)
      names.emplace_back(isa_name(static_cast<Isa>(level)));
    return names;
  });
}

}  // namespace hotloop::bind
