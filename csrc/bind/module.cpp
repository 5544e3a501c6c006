#include "bind/families.h"

PYBIND11_MODULE(_native, module) {
  module.doc() = "hotloop's native half: kernels, programs and the machine.";
  module.attr("__version__") = HOTLOOP_VERSION;
#define HOTLOOP_BIND(family) hotloop::bind::bind_##family(module);
  HOTLOOP_BIND_FAMILIES(HOTLOOP_BIND)
#undef HOTLOOP_BIND
}
