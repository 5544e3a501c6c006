#include "program/program.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "program/entry.h"

namespace hotloop {

Program::Program(std::shared_ptr<Graph> graph, std::vector<ValueId> outputs, float* parameters,
                 float* gradients, std::int64_t arena_size)
    : graph_(std::move(graph)),
      outputs_(std::move(outputs)),
      parameters_(parameters),
      gradients_(gradients),
      arena_size_(arena_size) {
  require(!outputs_.empty(), "program: expected at least one output");
  for (ValueId id : outputs_)
    require(graph_->value(id).dtype == DType::f32, "program: outputs must be float32; dequantize value ", id,
            " first");
  for (const GraphNode& entry : graph_->nodes())
    for (std::int64_t offset : entry.parameters)
      require(offset >= 0 && offset < arena_size_, "program: parameter offset ", offset,
              " is outside the arena of ", arena_size_, " floats");
}

double Program::work_per_row() const {
  double work = 0;
  for (const GraphNode& entry : graph_->nodes()) work += entry.node->work_per_row();
  return work;
}

void Program::set_loss(std::vector<HeadSpec> heads) {
  const ProgramEntry entry(*this);
  for (const HeadSpec& head : heads) {
    const std::int64_t features = graph_->value(head.output).features;
    require(head.positions >= 1 && features % head.positions == 0, "loss: ", features,
            " outputs can't be split into ", head.positions, " positions");
    require(std::find(outputs_.begin(), outputs_.end(), head.output) != outputs_.end(), "loss: value ",
            head.output, " is not an output of the program");
    require(!head.fuse || graph_->producer(head.output) != Graph::kNoNode, "loss: nothing to fuse with");
  }
  heads_ = std::move(heads);
  passes_.clear();
}

void Program::set_update(UpdateSpec spec) {
  const ProgramEntry entry(*this);
  const auto inside = [&](const Stretch& s) {
    return s.offset >= 0 && s.size >= 0 && s.offset + s.size <= arena_size_;
  };
  require(gradients_ != nullptr, "program: it was made without gradients, so it can't train");
  require(std::all_of(spec.variables.begin(), spec.variables.end(), inside) &&
              std::all_of(spec.undecayed.begin(), spec.undecayed.end(), inside) &&
              std::all_of(spec.regularizers.begin(), spec.regularizers.end(),
                          [&](const Regularizer& r) { return inside(r.where); }),
          "program: a stretch of the optimizer lies outside the arena of ", arena_size_, " floats");
  update_ = Update(std::move(spec));
}

PassBuffers& Program::buffers(Pass pass, std::int64_t rows, int threads) {
  PassBuffers& buffers = passes_[pass];
  const bool grow = !buffers.ready_for(rows);
  if (grow) buffers.prepare(*graph_, heads_, make_schedule(*graph_, outputs_, heads_, pass), rows);
  if (grow || threads > prepared_threads_) {
    prepared_threads_ = std::max(prepared_threads_, threads);
    for (GraphNode& entry : graph_->nodes())
      entry.node->prepare(rows, prepared_threads_, pass == Pass::train);
  }
  return buffers;
}

TeamChoice& Program::team_choice(Pass pass, std::int64_t rows, int allowed) {
  // A training step goes forward once and backward about twice.
  const double work = work_per_row() * static_cast<double>(rows) * (pass == Pass::train ? 3 : 1);
  return choices_.try_emplace({pass, rows, allowed}, allowed, work).first->second;
}

void Program::predict(const Feed& feed, const std::vector<float*>& outputs, int threads, const Hook& hook) {
  const ProgramEntry entry(*this);
  infer(Pass::predict, feed, outputs, threads, hook, nullptr);
}

double Program::evaluate(const Feed& feed, const std::vector<float*>& outputs, int threads,
                         const Hook& hook) {
  const ProgramEntry entry(*this);
  require(!heads_.empty(), "evaluate: the program has no loss");
  double loss_sum = 0;
  infer(Pass::evaluate, feed, outputs, threads, hook, &loss_sum);
  return loss_sum;
}

}  // namespace hotloop
