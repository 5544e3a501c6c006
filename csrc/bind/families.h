// The families of bindings: bind/<family>.cpp defines bind_<family>. Each half has those that it is made of.
#pragma once
#include <pybind11/pybind11.h>

#include "bind/family_names.h"  // written by CMake: HOTLOOP_BIND_FAMILIES(X), X(family) for each

namespace hotloop::bind {
#define HOTLOOP_DECLARE(family) void bind_##family(pybind11::module_& module);
HOTLOOP_BIND_FAMILIES(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop::bind
