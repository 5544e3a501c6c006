#include "program/buffers.h"

#include <algorithm>
#include <new>
#include <utility>

namespace hotloop {
namespace {

std::int64_t batch_bytes(std::int64_t bytes_per_row, std::int64_t rows) {
  constexpr std::int64_t kMost = std::int64_t{1}
                                 << 48;  // more than any machine has, and sums stay in 63 bits
  if (rows > 0 && bytes_per_row > kMost / rows) throw std::bad_alloc();
  return bytes_per_row * rows;
}

// A node's outputs have consecutive numbers, so that theirs is a part of any list of one a value.
template <class Pointer>
Pointer const* outputs_of(const std::vector<Pointer>& all, const GraphNode& entry) {
  return all.data() + entry.outputs[0];
}

}  // namespace

void PassBuffers::prepare(const Graph& graph, const float* parameters, const std::vector<HeadSpec>& heads,
                          Schedule schedule, std::int64_t max_rows, int threads, bool training) {
  max_rows_ = -1;  // not ready should memory run out on the way
  schedule_ = std::move(schedule);
  row_walk_ = training ? std::vector<RowPart>() : make_row_walk(graph, schedule_);
  const std::size_t count = schedule_.values.size();
  for (std::size_t i = 0; i < count; ++i) {
    const ValueSpec& spec = graph.values()[i];
    schedule_.values[i].bytes = batch_bytes(spec.features() * size_of(spec.dtype), spec.rows(max_rows));
    schedule_.gradients[i].bytes = batch_bytes(spec.features() * size_of(DType::f32), spec.rows(max_rows));
  }
  std::vector<Lifetime> lifetimes = schedule_.values;
  lifetimes.insert(lifetimes.end(), schedule_.gradients.begin(), schedule_.gradients.end());
  const MemoryPlan plan = plan_memory(lifetimes);
  memory_.reserve(plan.bytes);
  const auto place = [&](std::size_t i) -> void* {
    return plan.offsets[i] < 0 ? nullptr : memory_.as<char>(plan.offsets[i]);
  };
  own_values_.resize(count);
  gradients_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    own_values_[i] = place(i);
    gradients_[i] = static_cast<float*>(place(count + i));
  }
  for (const GraphNode& entry : graph.nodes())  // only read, as inputs are
    if (entry.facts.fixed)
      own_values_[static_cast<std::size_t>(entry.outputs[0])] =
          const_cast<void*>(entry.node->fixed_output(parameters));
  values_ = own_values_;

  std::int64_t head_bytes = 0;
  const auto take = [&](std::int64_t elements) {
    const std::int64_t at = head_bytes;
    head_bytes += round_up(batch_bytes(elements * 4, max_rows), kAlignment);
    return at;
  };
  std::vector<std::int64_t> offsets;
  for (const HeadSpec& head : heads) {
    offsets.push_back(take(head.loss == Loss::values ? 0 : graph.value(head.output).features()));
    offsets.push_back(take(head.positions));
    offsets.push_back(take(head.positions));
  }
  head_memory_.reserve(head_bytes);
  own_heads_.clear();
  for (std::size_t i = 0; i < heads.size(); ++i)
    own_heads_.push_back({head_memory_.as<void>(offsets[3 * i]), head_memory_.as<float>(offsets[3 * i + 1]),
                          head_memory_.as<float>(offsets[3 * i + 2])});
  heads_ = own_heads_;

  std::int64_t scratch_bytes = 0;
  for (const GraphNode& entry : graph.nodes())
    scratch_bytes = std::max(scratch_bytes, entry.node->scratch(max_rows, threads, training));
  scratch_.reserve(scratch_bytes);

  node_inputs_.clear();
  readers_.assign(count, {});
  for (const GraphNode& entry : graph.nodes()) {
    std::vector<const void*>& inputs = node_inputs_.emplace_back(entry.inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = value(entry.inputs[i]);
      readers_[static_cast<std::size_t>(entry.inputs[i])].push_back(&inputs[i]);
    }
  }
  step_gradients_.clear();
  for (const BackwardStep& step : schedule_.backward) {
    const GraphNode& entry = graph.nodes()[static_cast<std::size_t>(step.node)];
    step_gradients_.emplace_back();
    for (std::size_t i = 0; i < entry.inputs.size(); ++i)
      step_gradients_.back().push_back(step.wanted[i] ? gradient(entry.inputs[i]) : nullptr);
  }
  threads_ = threads;
  max_rows_ = max_rows;
}

void PassBuffers::redirect(ValueId id, const void* memory) {
  const auto at = static_cast<std::size_t>(id);
  // Inputs are only read, so taking the const away is safe; outputs come as writable memory.
  void* target = memory == nullptr ? own_values_[at] : const_cast<void*>(memory);
  if (values_[at] == target) return;
  values_[at] = target;
  for (const void** input : readers_[at]) *input = target;
}

void PassBuffers::run_node(int i, Graph& graph, const StepState& state, std::int64_t rows,
                           const Team& team) const {
  GraphNode& entry = graph.nodes()[static_cast<std::size_t>(i)];
  const NodeRun run{team,
                    entry.rows(rows),
                    state.training,
                    state.seed,
                    state.step,
                    node_inputs_[static_cast<std::size_t>(i)].data(),
                    outputs_of(values_, entry),
                    state.parameters,
                    state.gradients,
                    scratch_.as<void>(),
                    nullptr,
                    nullptr,
                    nullptr,
                    nullptr};
  entry.node->forward(run);
  team.barrier();
}

void PassBuffers::forward(Graph& graph, const StepState& state, std::int64_t rows, const Team& team) const {
  if (rows == 1 && team.size() == 1 && state.timer == nullptr && !row_walk_.empty()) {
    for (const RowPart& part : row_walk_) {
      if (part.step.run == nullptr)
        run_node(part.node, graph, state, rows, team);
      else
        part.step.run(part.step, value(part.input), value(part.output));
    }
    return;
  }
  for (int i : schedule_.forward) {
    run_node(i, graph, state, rows, team);
    if (state.timer != nullptr) state.timer->mark(team);
  }
}

void PassBuffers::backward(Graph& graph, const StepState& state, std::int64_t rows, const Team& team) const {
  for (std::size_t i = 0; i < schedule_.backward.size(); ++i) {
    const BackwardStep& step = schedule_.backward[i];
    GraphNode& entry = graph.nodes()[static_cast<std::size_t>(step.node)];
    const NodeRun run{team,
                      entry.rows(rows),
                      state.training,
                      state.seed,
                      state.step,
                      node_inputs_[static_cast<std::size_t>(step.node)].data(),
                      outputs_of(values_, entry),
                      state.parameters,
                      state.gradients,
                      scratch_.as<void>(),
                      outputs_of(gradients_, entry),
                      step_gradients_[i].data(),
                      step.accumulate.data(),
                      step.accumulate_parameters.data(),
                      state.hot_update != nullptr && state.update->is_hot(i) ? state.hot_update : nullptr};
    entry.node->backward(run);
    team.barrier();
    if (state.timer != nullptr) state.timer->mark(team);
  }
}

}  // namespace hotloop
