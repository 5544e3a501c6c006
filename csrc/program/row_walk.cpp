#include "program/row_walk.h"

#include <algorithm>

#include "program/schedule.h"

namespace hotloop {
namespace {

// Whether nothing but this one node wants the value: only then it need not be there.
bool is_passed_on(const Graph& graph, const Schedule& schedule, ValueId id) {
  if (schedule.values[static_cast<std::size_t>(id)].last >= static_cast<int>(graph.nodes().size()))
    return false;  // an output
  std::ptrdiff_t readers = 0;
  for (int i : schedule.forward) {
    const std::vector<ValueId>& inputs = graph.nodes()[static_cast<std::size_t>(i)].inputs;
    readers += std::count(inputs.begin(), inputs.end(), id);
  }
  return readers == 1;
}

}  // namespace

std::vector<RowPart> make_row_walk(const Graph& graph, Schedule& schedule) {
  std::vector<RowPart> walk;
  for (int i : schedule.forward) {
    const GraphNode& entry = graph.nodes()[static_cast<std::size_t>(i)];
    const ValueId input = entry.inputs.empty() ? -1 : entry.inputs[0];
    RowPart* const last = walk.empty() ? nullptr : &walk.back();
    if (last != nullptr && last->step.run != nullptr && entry.inputs.size() == 1 && last->output == input &&
        is_passed_on(graph, schedule, input) && entry.node->join(last->step)) {
      last->output = entry.outputs[0];
      Lifetime& read = schedule.values[static_cast<std::size_t>(last->input)];
      read.last = std::max(read.last, i);
      continue;
    }
    RowPart part{{}, i, input, entry.outputs[0]};
    if (entry.inputs.size() == 1) entry.node->join(part.step);
    walk.push_back(part);
  }
  return walk;
}

}  // namespace hotloop
