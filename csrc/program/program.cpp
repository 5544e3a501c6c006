#include "program/program.h"

#include <algorithm>
#include <new>
#include <set>
#include <utility>

#include "base/error.h"
#include "program/entry.h"

namespace hotloop {
namespace {

// A loss may only stand in for a node of one input and as many features whose output nobody reads.
void check_fused(const Graph& graph, ValueId output) {
  const int made_by = graph.producer(output);
  require(made_by != Graph::kNoNode, "loss: an input has nothing to fuse with");
  const GraphNode& maker = graph.nodes()[static_cast<std::size_t>(made_by)];
  bool read = false;
  for (const GraphNode& entry : graph.nodes())
    read = read || std::find(entry.inputs.begin(), entry.inputs.end(), output) != entry.inputs.end();
  require(!read && maker.inputs.size() == 1 && maker.outputs.size() == 1 &&
              graph.value(maker.inputs[0]).features() == graph.value(output).features(),
          "loss: can't fuse with ", maker.op, ", which it would replace");
}

}  // namespace

Program::Program(std::shared_ptr<Graph> graph, std::vector<ValueId> outputs, float* parameters,
                 float* gradients, std::int64_t arena_size)
    : graph_(std::move(graph)),
      outputs_(graph_->roots(std::move(outputs))),
      parameters_(parameters),
      gradients_(gradients),
      arena_size_(arena_size),
      chunk_rows_(most_chunk_rows(*graph_)) {
  check_program(*graph_, outputs_, arena_size_);
}

void Program::forget_memory() {
  new (&passes_) std::map<Pass, PassBuffers>();
  new (&choices_) std::map<std::tuple<Pass, std::int64_t, int>, TeamChoice>();
}

void Program::set_loss(std::vector<HeadSpec> heads) {
  const ProgramEntry entry(*this);
  for (HeadSpec& head : heads) {
    head.output = graph_->root(head.output);
    const std::int64_t features = graph_->value(head.output).features();
    require(head.positions >= 1 && features % head.positions == 0, "loss: ", features,
            " outputs can't be split into ", head.positions, " positions");
    // Predictions are seen from outside, what ops made of them is not.
    require(head.loss == Loss::values ||
                std::find(outputs_.begin(), outputs_.end(), head.output) != outputs_.end(),
            "loss: value ", head.output, " is not an output of the program");
    require(graph_->value(head.output).batched && graph_->value(head.output).dtype == DType::f32,
            "loss: expected float32 numbers for each sample, got value ", head.output);
    require(!head.fuse || head.loss != Loss::values, "loss: values can't fuse with an activation");
    if (head.fuse) check_fused(*graph_, head.output);
  }
  std::set<ValueId> taken;  // two losses would write one gradient
  for (const HeadSpec& head : heads)
    require(taken.insert(head_input(*graph_, head)).second, "loss: two losses read value ",
            head_input(*graph_, head), "; give one of them a value of its own");
  heads_ = std::move(heads);
  passes_.clear();
  captured_.reset();
}

void Program::set_update(UpdateSpec spec) {
  const ProgramEntry entry(*this);
  const auto inside = [&](const Stretch& s) { return inside_arena(s, arena_size_); };
  require(gradients_ != nullptr, "program: it was made without gradients, so it can't train");
  require(std::all_of(spec.variables.begin(), spec.variables.end(), inside) &&
              std::all_of(spec.undecayed.begin(), spec.undecayed.end(), inside) &&
              std::all_of(spec.regularizers.begin(), spec.regularizers.end(),
                          [&](const Regularizer& r) { return inside(r.where); }),
          "program: a stretch of the optimizer lies outside the arena of ", arena_size_, " floats");
  require_slots(spec.optimizer, spec.slots);
  update_ = Update(std::move(spec));
  captured_.reset();
}

int Program::allowed_threads(int threads) {
  require(threads >= 0, "threads: expected 0 (as many as pay) or more, got ", threads);
  return std::min(threads > 0 ? threads : num_threads(), most_threads());
}

PassBuffers& Program::buffers(Pass pass, std::int64_t rows, int threads) {
  PassBuffers& buffers = passes_[pass];
  if (buffers.ready_for(rows, threads)) return buffers;
  rows = std::max(rows, buffers.max_rows());
  threads = std::max(threads, buffers.threads());
  for (GraphNode& entry : graph_->nodes()) entry.node->prepare(rows, threads, pass == Pass::train);
  // Last, so that a failure before it leaves buffers that are not ready.
  buffers.prepare(*graph_, parameters_, heads_, make_schedule(*graph_, outputs_, heads_, pass), rows, threads,
                  pass == Pass::train);
  return buffers;
}

PassBuffers& Program::ready_to_train(const Feed& feed, std::int64_t batch_rows, int threads) {
  require(gradients_ != nullptr && !heads_.empty(),
          "train: the program has no loss or no gradients; set them first");
  check_targets(feed);
  PassBuffers& buffers = this->buffers(Pass::train, batch_rows, threads);
  for (GraphNode& part : graph_->nodes()) part.node->begin_training();
  std::vector<std::vector<Stretch>> could_be_hot;
  for (const BackwardStep& step : buffers.schedule().backward)
    could_be_hot.push_back(step.could_be_hot
                               ? graph_->nodes()[static_cast<std::size_t>(step.node)].facts.parameters
                               : std::vector<Stretch>());
  update_.set_backward(buffers.schedule().trained, could_be_hot);
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    buffers.head(i) = buffers.own_head(i);
    if (feed.weights.empty()) buffers.head(i).weights = nullptr;
  }
  return buffers;
}

void Program::check_targets(const Feed& feed) const {
  require(feed.targets.size() == heads_.size(), "targets: expected ", heads_.size(),
          " arrays, one a loss, got ", feed.targets.size());
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    const Column& column = feed.targets[i];
    const bool wants_none = heads_[i].loss == Loss::values;
    require(wants_none != column.is_given(), "targets: expected ",
            wants_none ? "None for a loss that is a value of the program, got an array"
                       : "an array of targets for each loss that is computed from them, got None");
    if (wants_none) continue;
    const bool sparse = heads_[i].loss == Loss::sparse_categorical_crossentropy;
    const std::int64_t size = sparse ? heads_[i].positions : graph_->value(heads_[i].output).features();
    require(column.row_size == size && column.dtype == (sparse ? DType::i32 : DType::f32),
            "targets: expected ", size, sparse ? " int32" : " float32", " numbers a row, got ",
            column.row_size, " of ", dtype_name(column.dtype));
  }
  require(feed.weights.empty() || feed.weights.size() == heads_.size(), "weights: expected ", heads_.size(),
          " arrays, one a loss, or none, got ", feed.weights.size());
  for (std::size_t i = 0; i < feed.weights.size(); ++i)
    require(feed.weights[i].row_size == heads_[i].positions && feed.weights[i].dtype == DType::f32,
            "weights: expected ", heads_[i].positions, " float32 numbers a row, got ",
            feed.weights[i].row_size, " of ", dtype_name(feed.weights[i].dtype));
}

TeamChoice& Program::team_choice(Pass pass, std::int64_t rows, int allowed) {
  const auto key = std::tuple{pass, rows, allowed};
  if (const auto known = choices_.find(key); known != choices_.end()) return known->second;
  // A training step goes forward once and backward about twice.
  const double work = graph_->work(rows) * (pass == Pass::train ? 3 : 1);
  return choices_.try_emplace(key, allowed, work).first->second;
}

void Program::run_heads(PassBuffers& buffers, std::int64_t rows, Share share) {
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    const HeadSpec& head = heads_[i];
    const ValueId input = head_input(*graph_, head);
    float* probability = head.fuse ? static_cast<float*>(buffers.value(head.output)) : nullptr;
    run_head(head, buffers.head(i), rows, graph_->value(head.output).features(),
             static_cast<const float*>(buffers.value(input)), probability, buffers.gradient(input), share);
  }
}

}  // namespace hotloop
