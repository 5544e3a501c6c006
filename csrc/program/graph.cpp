#include "program/graph.h"

#include <utility>

#include "base/error.h"

namespace hotloop {

const ValueSpec& Graph::value(ValueId id) const {
  require(id >= 0 && id < static_cast<ValueId>(values_.size()), "graph: there is no value ", id);
  return values_[static_cast<std::size_t>(id)];
}

ValueId Graph::add_input(std::int64_t features) {
  require(features >= 1 && features <= kMostFeatures, "graph input: expected 1 to ", kMostFeatures,
          " features, got ", features);
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({features, DType::f32});
  producers_.push_back(kNoNode);
  needs_gradient_.push_back(false);
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_node(NodeSpec spec, std::vector<ValueId> inputs) {
  require(!inputs.empty(), spec.op, ": expected at least one input");
  bool wants_gradient = false;
  for (ValueId id : inputs) {
    spec.inputs.push_back(value(id));
    wants_gradient = wants_gradient || needs_gradient(id);
  }
  GraphNode entry;
  entry.node = find_node_factory(spec.op)(spec);
  entry.output = static_cast<ValueId>(values_.size());
  const ValueSpec output = entry.node->output();
  require(output.features >= 1 && output.features <= kMostFeatures, spec.op, ": expected 1 to ",
          kMostFeatures, " features as output, got ", output.features);
  entry.op = std::move(spec.op);
  entry.inputs = std::move(inputs);
  values_.push_back(output);
  producers_.push_back(static_cast<int>(nodes_.size()));
  needs_gradient_.push_back(wants_gradient || entry.node->has_trainable_parameters());
  nodes_.push_back(std::move(entry));
  return nodes_.back().output;
}

bool inside_arena(const Stretch& s, std::int64_t arena_size) {
  return s.offset >= 0 && s.size >= 0 && s.size <= arena_size && s.offset <= arena_size - s.size;
}

void check_program(const Graph& graph, const std::vector<ValueId>& outputs, std::int64_t arena_size) {
  require(!outputs.empty(), "program: expected at least one output");
  for (ValueId id : outputs)
    require(graph.value(id).dtype == DType::f32, "program: outputs must be float32; dequantize value ", id,
            " first");
  for (const GraphNode& entry : graph.nodes())
    for (const Stretch& s : entry.node->parameters())
      require(inside_arena(s, arena_size), "program: ", entry.op, " has ", s.size, " parameters at offset ",
              s.offset, ", outside the arena of ", arena_size, " floats");
}

}  // namespace hotloop
