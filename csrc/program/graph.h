// A graph of nodes in the order in which they run, as Python's layers describe it.
#pragma once
#include <memory>
#include <vector>

#include "program/node.h"

namespace hotloop {

struct GraphNode {
  std::string op;
  std::unique_ptr<Node> node;
  std::vector<ValueId> inputs;
  ValueId output;
};

class Graph {
 public:
  static constexpr int kNoNode = -1;

  ValueId add_input(std::int64_t features);
  // Throws std::invalid_argument for an unknown op, an unknown value, or what the op itself refuses.
  ValueId add_node(NodeSpec spec, std::vector<ValueId> inputs);

  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<GraphNode>& nodes() const { return nodes_; }
  std::vector<GraphNode>& nodes() { return nodes_; }
  const std::vector<ValueSpec>& values() const { return values_; }
  const ValueSpec& value(ValueId id) const;
  int producer(ValueId id) const { return producers_[static_cast<std::size_t>(id)]; }  // or kNoNode
  // Whether the gradient of a value reaches any trainable parameter.
  bool needs_gradient(ValueId id) const { return needs_gradient_[static_cast<std::size_t>(id)]; }

 private:
  std::vector<ValueSpec> values_;
  std::vector<int> producers_;
  std::vector<bool> needs_gradient_;
  std::vector<ValueId> inputs_;
  std::vector<GraphNode> nodes_;
};

// Throws std::invalid_argument unless these can be a program's outputs and all parameters lie in its arena.
void check_program(const Graph& graph, const std::vector<ValueId>& outputs, std::int64_t arena_size);
bool inside_arena(const Stretch& stretch, std::int64_t arena_size);

}  // namespace hotloop
