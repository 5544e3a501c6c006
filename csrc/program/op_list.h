// The one list of ops a program can hold. An op's factory stands in program/nodes/<op>.cpp.
#pragma once
#include "program/node.h"

#define HOTLOOP_PROGRAM_OPS(X) \
  X(dense)

namespace hotloop {
#define HOTLOOP_DECLARE(op) std::unique_ptr<Node> make_##op(const NodeSpec& spec);
HOTLOOP_PROGRAM_OPS(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop
