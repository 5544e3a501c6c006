#include "program/graph.h"

#include <utility>

#include "base/error.h"

namespace hotloop {

const ValueSpec& Graph::value(ValueId id) const {
  require(id >= 0 && id < static_cast<ValueId>(values_.size()), "graph: there is no value ", id);
  return values_[static_cast<std::size_t>(id)];
}

ValueId Graph::root(ValueId id) const {
  value(id);
  return roots_[static_cast<std::size_t>(id)];
}

std::vector<ValueId> Graph::roots(std::vector<ValueId> ids) const {
  for (ValueId& id : ids) id = root(id);
  return ids;
}

ValueId Graph::add_value(const ValueSpec& spec, int producer, bool needs_gradient) {
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back(spec);
  producers_.push_back(producer);
  roots_.push_back(id);
  needs_gradient_.push_back(needs_gradient);
  return id;
}

ValueId Graph::add_input(const ValueSpec& spec) {
  require(spec.shape.is_sound(kMostFeatures), "graph input: expected 1 to ", kMostFeatures,
          " features, got the shape ", spec.shape);
  require(spec.dtype == DType::f32 || spec.dtype == DType::i32,
          "graph input: expected float32 (which takes bytes too) or int32, got ", dtype_name(spec.dtype));
  require(spec.batched, "graph input: expected a value with a batch axis");
  inputs_.push_back(add_value(spec, kNoNode, false));
  return inputs_.back();
}

std::vector<ValueId> Graph::add_node(NodeSpec spec, const std::vector<ValueId>& inputs) {
  GraphNode entry;
  entry.inputs = roots(inputs);
  bool learns = false, takes_batch = false;
  for (ValueId id : inputs) {
    spec.inputs.push_back(value(id));
    learns = learns || needs_gradient(id);
    takes_batch = takes_batch || value(id).batched;
  }
  entry.node = find_node_factory(spec.op)(spec);
  spec.refuse_unread();
  NodeFacts& facts = entry.facts = entry.node->facts();
  learns = learns || facts.trainable;
  entry.batched = takes_batch;
  const std::vector<ValueSpec> outputs = entry.node->outputs();
  double per_row = 0, per_batch = 0;
  for (const ValueSpec& output : outputs) {
    require(output.shape.is_sound(kMostFeatures), spec.op, ": expected 1 to ", kMostFeatures,
            " features as output, got the shape ", output.shape);
    entry.batched = entry.batched || output.batched;
    facts.mixes_rows = facts.mixes_rows || (takes_batch && !output.batched);
    (output.batched ? per_row : per_batch) += static_cast<double>(output.features());
  }
  if (facts.operations == NodeFacts::kByOutputs) facts.operations = per_row + (entry.batched ? 0 : per_batch);
  if (facts.work_per_row == NodeFacts::kByOutputs)
    facts.work_per_row = per_row, facts.work_per_batch = facts.fixed ? 0 : per_batch;
  work_per_row_ += facts.work_per_row, work_per_batch_ += facts.work_per_batch;
  mixes_rows_ = mixes_rows_ || facts.mixes_rows;
  for (const ValueSpec& output : outputs) {
    const bool has_one = facts.gradient == GradientFlow::unknown ||
                         (facts.gradient == GradientFlow::through && output.dtype == DType::f32);
    entry.outputs.push_back(add_value(output, static_cast<int>(nodes_.size()), learns && has_one));
  }
  entry.op = std::move(spec.op);
  nodes_.push_back(std::move(entry));
  return nodes_.back().outputs;
}

ValueId Graph::reshape(ValueId id, const Shape& shape) {
  const ValueSpec from = value(id);
  require(shape.is_sound(kMostFeatures) && shape.size() == from.features(), "graph: a sample of shape ",
          from.shape, " can't be reshaped to ", shape, "; expected ", from.features(), " numbers in all");
  const ValueId view = add_value(from.shaped(shape), producer(id), needs_gradient(id));
  roots_.back() = root(id);
  return view;
}

bool inside_arena(const Stretch& s, std::int64_t arena_size) {
  return s.offset >= 0 && s.size >= 0 && s.size <= arena_size && s.offset <= arena_size - s.size;
}

void check_program(const Graph& graph, const std::vector<ValueId>& outputs, std::int64_t arena_size) {
  require(!outputs.empty(), "program: expected at least one output");
  require(!graph.inputs().empty(), "program: expected at least one input");
  for (ValueId id : outputs) {
    const ValueSpec& value = graph.value(id);
    require(value.dtype != DType::u8, "program: outputs must be float32 or int32; dequantize value ", id,
            " first");
    require(value.batched, "program: outputs must have a row for each sample; value ", id,
            " has no batch axis");
  }
  for (const GraphNode& entry : graph.nodes())
    for (const Stretch& s : entry.facts.parameters)
      require(inside_arena(s, arena_size), "program: ", entry.op, " has ", s.size, " parameters at offset ",
              s.offset, ", outside the arena of ", arena_size, " floats");
}

}  // namespace hotloop
