// The one list of binding files: bind/<family>.cpp defines bind_<family>.
#pragma once
#include <pybind11/pybind11.h>

// clang-format off
#define HOTLOOP_BIND_FAMILIES(X) \
  X(gil) \
  X(machine) \
  X(formula) \
  X(activation) \
  X(loss) \
  X(gemm) \
  X(batch) \
  X(optimizer) \
  X(batch_norm) \
  X(dropout) \
  X(elementwise) \
  X(quantize) \
  X(gemm_int8) \
  X(bf16) \
  X(peaks) \
  X(graph) \
  X(program) \
  X(session)

namespace hotloop::bind {
#define HOTLOOP_DECLARE(family) void bind_##family(pybind11::module_& module);
HOTLOOP_BIND_FAMILIES(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop::bind
