// The one list of binding files: bind/<family>.cpp defines bind_<family>.
#pragma once
#include <pybind11/pybind11.h>

#define HOTLOOP_BIND_FAMILIES(X) \
  X(machine) \
  X(gemm)

namespace hotloop::bind {
#define HOTLOOP_DECLARE(family) void bind_##family(pybind11::module_& module);
HOTLOOP_BIND_FAMILIES(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop::bind
