#include "program/schedule.h"

#include <algorithm>
#include <unordered_set>

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

// By node: whether no other node has any of its parameters.
std::vector<bool> alone_with_parameters(const std::vector<GraphNode>& nodes) {
  struct Owned {
    Stretch where;
    std::size_t node;
  };
  std::vector<Owned> all;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const Stretch& s : nodes[i].facts.parameters)
      if (s.size > 0) all.push_back({s, i});
  std::sort(all.begin(), all.end(),
            [](const Owned& a, const Owned& b) { return a.where.offset < b.where.offset; });
  std::vector<bool> alone(nodes.size(), true);
  const Owned* furthest = nullptr;  // of those before: whatever overlaps any of them overlaps this one
  for (const Owned& owned : all) {
    const bool meets =
        furthest != nullptr && owned.where.offset < furthest->where.offset + furthest->where.size;
    if (meets && owned.node != furthest->node) alone[owned.node] = alone[furthest->node] = false;
    if (furthest == nullptr ||
        owned.where.offset + owned.where.size > furthest->where.offset + furthest->where.size)
      furthest = &owned;
  }
  return alone;
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
  const auto read = [&](ValueId id, int time) {
    if (!graph.is_fixed(id)) extend(value(id), time);
  };

  std::vector<bool> skipped(nodes.size(), false);
  if (pass != Pass::predict)
    for (const HeadSpec& head : heads)
      if (head.fuse) skipped[static_cast<std::size_t>(graph.producer(head.output))] = true;

  for (ValueId id : graph.inputs()) extend(value(id), 0);
  for (int i = 0; i < count; ++i) {
    if (skipped[static_cast<std::size_t>(i)]) continue;
    const GraphNode& entry = nodes[static_cast<std::size_t>(i)];
    if (entry.facts.fixed) continue;
    schedule.forward.push_back(i);
    for (ValueId id : entry.inputs) read(id, i);
    for (ValueId id : entry.outputs) extend(value(id), i);
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

  const std::vector<bool> alone = alone_with_parameters(nodes);
  std::unordered_set<std::int64_t> seen;  // parameters whose gradient an earlier backward step has written
  for (int i = count - 1; i >= 0; --i) {
    const GraphNode& entry = nodes[static_cast<std::size_t>(i)];
    const bool reached = std::any_of(entry.outputs.begin(), entry.outputs.end(),
                                     [&](ValueId id) { return written[static_cast<std::size_t>(id)]; });
    if (skipped[static_cast<std::size_t>(i)] || !reached) continue;
    require(entry.facts.gradient != GradientFlow::unknown, "train: ", entry.op,
            " has no gradient, but parameters before it should learn; freeze them");
    const int time = 2 * count - i;
    BackwardStep step{i, {}, {}, {}, false};
    step.could_be_hot =
        entry.facts.trainable && entry.facts.updates_itself && alone[static_cast<std::size_t>(i)];
    for (ValueId id : entry.outputs) {
      if (written[static_cast<std::size_t>(id)]) extend(gradient(id), time);
      if (entry.facts.backward_reads_outputs) read(id, time);
    }
    for (ValueId id : entry.inputs) {
      if (entry.facts.backward_reads_inputs) read(id, time);
      const auto at = static_cast<std::size_t>(id);
      const bool wanted = graph.needs_gradient(id);
      step.wanted.push_back(wanted);
      step.accumulate.push_back(written[at]);
      if (!wanted) continue;
      extend(gradient(id), time);
      written[at] = true;
    }
    if (entry.facts.trainable) {
      for (const Stretch& parameter : entry.facts.parameters) {
        const bool first = seen.insert(parameter.offset).second;
        if (first) schedule.trained.push_back(parameter.offset);
        step.accumulate_parameters.push_back(!first);
      }
    }
    schedule.backward.push_back(std::move(step));
  }
  return schedule;
}

}  // namespace hotloop
