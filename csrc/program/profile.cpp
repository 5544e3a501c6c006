#include "program/profile.h"

#include <algorithm>
#include <set>

#include "program/entry.h"
#include "program/program.h"

namespace hotloop {
namespace {

double count(std::int64_t n) { return static_cast<double>(n); }

// The operands of one part, as they are counted up.
class Traffic {
 public:
  explicit Traffic(StepPart& part) : part_(part) {}
  // `passes`: 1 where it is only read or only written, 2 for both.
  void add(double bytes, int passes = 1) {
    part_.working_set += bytes;
    part_.bytes += passes * bytes;
  }

 private:
  StepPart& part_;
};

double value_bytes(const Graph& graph, ValueId id, std::int64_t rows) {
  const ValueSpec& value = graph.value(id);
  return count(value.features() * value.rows(rows)) * count(size_of(value.dtype));
}

double inputs_bytes(const Graph& graph, const GraphNode& entry, std::int64_t rows) {
  const std::set<ValueId> distinct(entry.inputs.begin(), entry.inputs.end());
  double bytes = 0;
  for (ValueId id : distinct) bytes += value_bytes(graph, id, rows);
  return bytes;
}

double outputs_bytes(const Graph& graph, const GraphNode& entry, std::int64_t rows) {
  double bytes = 0;
  for (ValueId id : entry.outputs) bytes += value_bytes(graph, id, rows);
  return bytes;
}

double parameter_count(const GraphNode& entry) {
  double sum = 0;
  for (const Stretch& s : entry.facts.parameters) sum += count(s.size);
  return sum;
}

constexpr double kFloat = 4;

void add_gather(StepPart& part, const Column& column, std::int64_t rows) {
  const double elements = count(rows * column.row_size);
  Traffic traffic(part);
  traffic.add(elements * count(size_of(column.dtype)));
  traffic.add(elements * kFloat);
}

StepPart forward_part(const Graph& graph, int index, std::int64_t rows) {
  const GraphNode& entry = graph.nodes()[static_cast<std::size_t>(index)];
  StepPart part;
  part.phase = StepPart::Phase::forward;
  part.node = index;
  part.arithmetic = entry.facts.arithmetic;
  part.operations = count(entry.rows(rows)) * entry.facts.operations;
  Traffic traffic(part);
  traffic.add(inputs_bytes(graph, entry, rows));
  traffic.add(outputs_bytes(graph, entry, rows));
  traffic.add(kFloat * parameter_count(entry) + entry.facts.constant_bytes);
  return part;
}

StepPart backward_part(const Graph& graph, const BackwardStep& step, std::int64_t rows, bool updates,
                       int state_size) {
  const GraphNode& entry = graph.nodes()[static_cast<std::size_t>(step.node)];
  const NodeFacts& facts = entry.facts;
  StepPart part;
  part.phase = StepPart::Phase::backward;
  part.node = step.node;
  part.updates = updates;
  part.arithmetic = facts.arithmetic;
  Traffic traffic(part);
  traffic.add(outputs_bytes(graph, entry, rows));  // their gradients
  if (facts.backward_reads_outputs) traffic.add(outputs_bytes(graph, entry, rows));
  if (facts.backward_reads_inputs) traffic.add(inputs_bytes(graph, entry, rows));
  int wanted = 0;
  for (std::size_t i = 0; i < entry.inputs.size(); ++i) {
    if (!step.wanted[i]) continue;
    ++wanted;
    traffic.add(value_bytes(graph, entry.inputs[i], rows), step.accumulate[i] ? 2 : 1);
  }
  part.operations = count(entry.rows(rows)) * (wanted * facts.operations + facts.parameter_operations);
  const double parameters = parameter_count(entry);
  if (updates) {
    traffic.add(kFloat * parameters * (1 + state_size), 2);
    part.operations += (2 + 5.0 * state_size) * parameters;
  } else {
    if (wanted > 0) traffic.add(kFloat * parameters);
    for (std::size_t i = 0; i < step.accumulate_parameters.size(); ++i)
      traffic.add(kFloat * count(facts.parameters[i].size), step.accumulate_parameters[i] ? 2 : 1);
  }
  return part;
}

}  // namespace

const char* phase_name(StepPart::Phase phase) {
  constexpr const char* kNames[] = {"gather", "forward", "loss", "backward", "update"};
  return kNames[static_cast<int>(phase)];
}

std::vector<StepPart> forward_parts(const Graph& graph, const Schedule& schedule, const Feed& feed) {
  std::vector<StepPart> parts(1);
  for (const Column& column : feed.inputs)
    if (in_place(column, feed.order, {0, feed.rows}) == nullptr) add_gather(parts[0], column, feed.rows);
  for (int node : schedule.forward) parts.push_back(forward_part(graph, node, feed.rows));
  return parts;
}

std::vector<StepPart> Program::training_parts(const Feed& feed, std::int64_t rows) {
  const ProgramEntry entry(*this);
  const PassBuffers& memory = passes_.at(Pass::train);
  const Schedule& schedule = memory.schedule();
  std::vector<StepPart> parts(1);
  for (const Column& column : feed.inputs) add_gather(parts[0], column, rows);
  for (const Column& column : feed.targets) add_gather(parts[0], column, rows);
  for (int node : schedule.forward) parts.push_back(forward_part(*graph_, node, rows));

  StepPart loss;
  loss.phase = StepPart::Phase::loss;
  Traffic traffic(loss);
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    const HeadSpec& head = heads_[i];
    loss.heads.push_back({head.loss, head.fuse});
    const double bytes = value_bytes(*graph_, head.output, rows);
    traffic.add(bytes);  // predictions, or logits
    if (memory.gradient(head_input(*graph_, head)) != nullptr) traffic.add(bytes);
    if (head.fuse) traffic.add(bytes);  // probabilities
    traffic.add(count(rows * feed.targets[i].row_size) * kFloat);
    loss.operations += bytes / kFloat;
  }
  parts.push_back(loss);

  for (std::size_t i = 0; i < schedule.backward.size(); ++i)
    parts.push_back(
        backward_part(*graph_, schedule.backward[i], rows, update_.is_hot(i), update_.state_size()));

  StepPart update;
  update.phase = StepPart::Phase::update;
  Traffic state(update);
  const double cold = count(update_.cold_size());
  state.add(kFloat * cold);                                  // gradients
  state.add(kFloat * cold * (1 + update_.state_size()), 2);  // parameters and state
  update.bytes += kFloat * count(update_.norm_size());       // read once more for the norms
  update.operations = (2 + 5.0 * update_.state_size()) * cold;
  parts.push_back(update);
  return parts;
}

void time_forward(Graph& graph, PassBuffers& buffers, float* parameters, const Feed& feed, std::int64_t calls,
                  int threads, StepTimer& timer) {
  timer.reserve(calls, 1 + buffers.schedule().forward.size());
  StepState state{parameters, nullptr, false, 0, 0};
  state.timer = &timer;
  const Batch batch{0, feed.rows};
  std::vector<std::size_t> to_gather;
  for (std::size_t i = 0; i < feed.inputs.size(); ++i) {
    const void* rows = in_place(feed.inputs[i], feed.order, batch);
    buffers.redirect(graph.inputs()[i], rows);
    if (rows == nullptr) to_gather.push_back(i);
  }
  run_team(threads, [&](Team& team) {
    for (std::int64_t call = 0; call < calls; ++call) {
      timer.begin(team);
      for (std::size_t i : to_gather)
        gather(feed.inputs[i], feed.order, batch, buffers.value(graph.inputs()[i]), team.share());
      team.barrier();
      timer.mark(team);
      buffers.forward(graph, state, batch.rows, team);
    }
  });
  for (ValueId id : graph.inputs()) buffers.redirect(id, nullptr);
}

std::vector<StepPart> Program::time_forward(const Feed& feed, std::int64_t calls, int threads,
                                            StepTimer& timer) {
  const ProgramEntry entry(*this);
  threads = allowed_threads(threads);
  PassBuffers& memory = buffers(Pass::predict, feed.rows, threads);
  hotloop::time_forward(*graph_, memory, parameters_, feed, calls, threads, timer);
  return forward_parts(*graph_, memory.schedule(), feed);
}

}  // namespace hotloop
