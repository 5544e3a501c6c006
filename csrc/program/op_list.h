// The ops that a program can hold: one for each file of program/nodes, whose name it bears.
#pragma once
#include "program/node.h"
#include "program/op_names.h"  // written by CMake: HOTLOOP_PROGRAM_OPS(X), X(op) for each

namespace hotloop {
#define HOTLOOP_DECLARE(op) std::unique_ptr<Node> make_##op(const NodeSpec& spec);
HOTLOOP_PROGRAM_OPS(HOTLOOP_DECLARE)
#undef HOTLOOP_DECLARE
}  // namespace hotloop
