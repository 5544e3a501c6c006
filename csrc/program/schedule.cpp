#include "program/schedule.h"

#include <algorithm>

#include "base/error.h"

namespace hotloop {
namespace {

void extend(Lifetime& life, int time) {
  if (life.last < life.first) {
    life.first = life.last = time;
  } else {
    life.first = std::min(life.first, time);
    life.last = std::max(life.last, time);
  }
}

// Whether no other node has any of the parameters of node i.
bool alone_with_parameters(const std::vector<GraphNode>& nodes, std::size_t i) {
  for (const Stretch& own : nodes[i].node->parameters())
    for (std::size_t j = 0; j < nodes.size(); ++j)
      for (const Stretch& other : nodes[j].node->parameters())
        if (i != j && own.offset < other.offset + other.size && other.offset < own.offset + own.size)
          return false;
  return true;
}

}  // namespace

ValueId head_input(const Graph& graph, const HeadSpec& head) {
  if (!head.fuse) return head.output;
  return graph.nodes()[static_cast<std::size_t>(graph.producer(head.output))].inputs[0];
}

Schedule make_schedule(const Graph& graph, const std::vector<ValueId>& outputs,
                       const std::vector<HeadSpec>& heads, Pass pass) {
  Schedule schedule;
  const auto& nodes = graph.nodes();
  const int count = static_cast<int>(nodes.size());
  schedule.values.resize(graph.values().size());
  schedule.gradients.resize(graph.values().size());
  const auto value = [&](ValueId id) -> Lifetime& { return schedule.values[static_cast<std::size_t>(id)]; };
  const auto gradient = [&](ValueId id) -> Lifetime& {
    return schedule.gradients[static_cast<std::size_t>(id)];
  };
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    schedule.values[i].bytes = graph.values()[i].features * size_of(graph.values()[i].dtype);
    schedule.gradients[i].bytes = graph.values()[i].features * size_of(DType::f32);
  }

  std::vector<bool> skipped(nodes.size(), false);
  if (pass != Pass::predict)
    for (const HeadSpec& head : heads)
      if (head.fuse) skipped[static_cast<std::size_t>(graph.producer(head.output))] = true;

  for (ValueId id : graph.inputs()) extend(value(id), 0);
  for (int i = 0; i < count; ++i) {
    if (skipped[static_cast<std::size_t>(i)]) continue;
    schedule.forward.push_back(i);
    const GraphNode& entry = nodes[static_cast<std::size_t>(i)];
    for (ValueId id : entry.inputs) extend(value(id), i);
    extend(value(entry.output), i);
  }
  for (ValueId id : outputs) extend(value(id), count);
  if (pass == Pass::predict) return schedule;

  std::vector<bool> written(graph.values().size(), false);
  for (const HeadSpec& head : heads) {
    const ValueId logits = head_input(graph, head);
    extend(value(logits), count);
    extend(value(head.output), count);
    if (pass == Pass::train && graph.needs_gradient(logits)) {
      extend(gradient(logits), count);
      written[static_cast<std::size_t>(logits)] = true;
    }
  }
  if (pass != Pass::train) return schedule;

  for (int i = count - 1; i >= 0; --i) {
    const GraphNode& entry = nodes[static_cast<std::size_t>(i)];
    if (skipped[static_cast<std::size_t>(i)] || !written[static_cast<std::size_t>(entry.output)]) continue;
    require(entry.node->has_gradient(), "train: ", entry.op,
            " has no gradient, but parameters before it should learn; freeze them");
    const int time = 2 * count - i;
    BackwardStep step{i, {}, {}, false, false};
    step.could_be_hot =
        entry.node->updates_itself() && alone_with_parameters(nodes, static_cast<std::size_t>(i));
    extend(gradient(entry.output), time);
    if (entry.node->backward_reads_output()) extend(value(entry.output), time);
    for (ValueId id : entry.inputs) {
      if (entry.node->backward_reads_inputs()) extend(value(id), time);
      const auto at = static_cast<std::size_t>(id);
      const bool wanted = graph.needs_gradient(id);
      step.wanted.push_back(wanted);
      step.accumulate.push_back(written[at]);
      if (!wanted) continue;
      extend(gradient(id), time);
      written[at] = true;
    }
    for (const Stretch& parameter : entry.node->parameters()) {
      auto& seen = schedule.trained;  // by earlier backward steps, which have written the gradient
      if (std::find(seen.begin(), seen.end(), parameter.offset) != seen.end())
        step.accumulate_parameters = true;
      else
        seen.push_back(parameter.offset);
    }
    schedule.backward.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace hotloop
