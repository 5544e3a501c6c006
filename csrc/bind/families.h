// The lists of binding files: bind/<family>.cpp defines bind_<family>. Both halves have the common ones.
#pragma once
#include <pybind11/pybind11.h>

// clang-format off
#define HOTLOOP_COMMON_FAMILIES(X) \
  X(gil) \
  X(activation) \
  X(loss) \
  X(gemm) \
  X(batch) \
  X(optimizer) \
  X(batch_norm) \
  X(dropout) \
  X(elementwise) \
  X(small_program) \
  X(quantize) \
  X(gemm_int8) \
  X(bf16) \
  X(graph) \
  X(program) \
  X(session)
#ifdef HOTLOOP_CUDA_HALF
#define HOTLOOP_BIND_FAMILIES(X) \
  HOTLOOP_COMMON_FAMILIES(X) \
  X(device) \
  X(gemm_tensor)
#else
#define HOTLOOP_BIND_FAMILIES(X) \
  HOTLOOP_COMMON_FAMILIES(X) \
  X(machine) \
  X(formula) \
  X(peaks)
#endif
// clang-format on

namespace hotloop::bind {
#define HOTLOOP_DECLARE(family) void bind_##family(pybind11::module_& module);
HOTLOOP_BIND_FAMILIES(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop::bind
