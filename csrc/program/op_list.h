// The one list of ops a program can hold. An op's factory stands in program/nodes/<op>.cpp.
#pragma once
#include "program/node.h"

// clang-format off
#define HOTLOOP_PROGRAM_OPS(X) \
  X(activation) \
  X(dense) \
  X(add) \
  X(multiply) \
  X(concat) \
  X(rescale) \
  X(dropout) \
  X(batch_norm) \
  X(quantize) \
  X(dequantize) \
  X(dense_int8) \
  X(dense_bf16) \
  X(dense_mixed) \
  X(weight) \
  X(constant)

namespace hotloop {
#define HOTLOOP_DECLARE(op) std::unique_ptr<Node> make_##op(const NodeSpec& spec);
HOTLOOP_PROGRAM_OPS(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop
