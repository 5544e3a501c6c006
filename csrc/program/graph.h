// A graph of nodes in the order in which they run, as Python's layers describe it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "program/node.h"

namespace hotloop {

struct GraphNode {
  std::string op;
  std::unique_ptr<Node> node;
  NodeFacts facts;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;  // consecutive numbers
  bool batched;                  // whether any of its values has a batch axis

  std::int64_t rows(std::int64_t batch) const { return batched ? batch : 1; }
};

class Graph {
 public:
  static constexpr int kNoNode = -1;

  // float32 or int32, with a batch axis. Throws std::invalid_argument for others.
  ValueId add_input(const ValueSpec& spec);
  // Returns the node's outputs. Throws std::invalid_argument for an unknown op, an unknown value, what the op
  // itself refuses, or what it doesn't read.
  std::vector<ValueId> add_node(NodeSpec spec, const std::vector<ValueId>& inputs);
  // The same numbers in another shape, under a number of its own: no op, no memory. What reads it, reads the
  // value that root() gives; only values that are their own root have memory, or nodes that make or read
  // them.
  ValueId reshape(ValueId id, const Shape& shape);
  ValueId root(ValueId id) const;
  std::vector<ValueId> roots(std::vector<ValueId> ids) const;

  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<GraphNode>& nodes() const { return nodes_; }
  std::vector<GraphNode>& nodes() { return nodes_; }
  const std::vector<ValueSpec>& values() const { return values_; }
  const ValueSpec& value(ValueId id) const;
  int producer(ValueId id) const { return producers_[static_cast<std::size_t>(id)]; }  // or kNoNode
  bool is_fixed(ValueId id) const {
    const int node = producer(id);
    return node != kNoNode && nodes_[static_cast<std::size_t>(node)].facts.fixed;
  }
  // Whether the gradient of a value reaches any trainable parameter.
  bool needs_gradient(ValueId id) const { return needs_gradient_[static_cast<std::size_t>(id)]; }
  // Whether rows depend on each other, so that a batch must be taken whole.
  bool mixes_rows() const { return mixes_rows_; }
  // Multiply-adds of a batch's forward pass, roughly.
  double work(std::int64_t rows) const { return work_per_batch_ + work_per_row_ * static_cast<double>(rows); }

 private:
  ValueId add_value(const ValueSpec& spec, int producer, bool needs_gradient);

  std::vector<ValueSpec> values_;
  std::vector<int> producers_;
  std::vector<ValueId> roots_;
  std::vector<bool> needs_gradient_;
  std::vector<ValueId> inputs_;
  std::vector<GraphNode> nodes_;
  bool mixes_rows_ = false;
  double work_per_row_ = 0, work_per_batch_ = 0;
};

// Throws std::invalid_argument unless these can be a program's outputs and all parameters lie in its arena.
void check_program(const Graph& graph, const std::vector<ValueId>& outputs, std::int64_t arena_size);
bool inside_arena(const Stretch& stretch, std::int64_t arena_size);

}  // namespace hotloop
