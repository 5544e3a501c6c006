// The order of a step: which nodes run forward and backward, and how gradients meet.
#pragma once
#include <vector>

#include "program/graph.h"
#include "program/head.h"
#include "program/memory_plan.h"

namespace hotloop {

struct BackwardStep {
  int node;
  std::vector<bool> wanted;      // per input: somebody upstream trains
  std::vector<char> accumulate;  // per input: another user of the value has written its gradient already
  std::vector<char> accumulate_parameters;  // by the node's parameters: another node has written theirs
  bool could_be_hot;  // the node can update its parameters itself, and nobody else touches them
};

// What a pass does. Times: node i runs forward at i, the heads at n, node i backward at 2n - i.
struct Schedule {
  std::vector<int> forward;
  std::vector<BackwardStep> backward;       // empty unless training
  std::vector<std::int64_t> trained;        // offsets of the parameters of those steps
  std::vector<Lifetime> values, gradients;  // one a value; bytes are filled in for a size of batch
};

enum class Pass { predict, evaluate, train };

// Throws std::invalid_argument where training would have to go back through an op that has no gradient.
Schedule make_schedule(const Graph& graph, const std::vector<ValueId>& outputs,
                       const std::vector<HeadSpec>& heads, Pass pass);
// The value a head reads: the fused activation's input, or the output itself.
ValueId head_input(const Graph& graph, const HeadSpec& head);

}  // namespace hotloop
