#include "program/node.h"

#include "base/names.h"
#include "program/op_list.h"

namespace hotloop {

NodeFactory find_node_factory(const std::string& op) {
#define HOTLOOP_NAME(name) #name,
#define HOTLOOP_FACTORY(name) &make_##name,
  constexpr const char* kNames[] = {HOTLOOP_PROGRAM_OPS(HOTLOOP_NAME)};
  constexpr NodeFactory kFactories[] = {HOTLOOP_PROGRAM_OPS(HOTLOOP_FACTORY)};
#undef HOTLOOP_NAME
#undef HOTLOOP_FACTORY
  return kFactories[index_of(op.c_str(), kNames, "graph: op")];
}

}  // namespace hotloop
