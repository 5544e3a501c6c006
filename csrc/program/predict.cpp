// Predict and evaluate: the forward pass over a feed, for evaluate with the losses behind it.
#include <algorithm>

#include "program/entry.h"
#include "program/infer.h"
#include "program/loss_total.h"
#include "program/program.h"

namespace hotloop {

class Program::Evaluation final : public Inference {
 public:
  Evaluation(Program& program, PassBuffers& buffers, std::int64_t chunk_rows, const InferRequest& request)
      : Inference(*program.graph_, program.outputs_, program.parameters_, buffers, chunk_rows, request),
        program_(program) {}

  double loss_sum() const {
    return total_.value() +
           program_.update_.regularization_alone(program_.parameters_) * static_cast<double>(rows_done());
  }

 protected:
  void open(Batch batch) override {
    Inference::open(batch);
    for (std::size_t i = 0; i < heads().size(); ++i) bind_head(i, batch);
  }

  void gather(Batch batch, const Team& team) override {
    Inference::gather(batch, team);
    for (std::size_t i = 0; i < heads().size(); ++i)
      if (buffers().head(i).targets == buffers().own_head(i).targets)
        hotloop::gather(feed().targets[i], feed().order, batch, buffers().head(i).targets, team.share());
  }

  void after_forward(Batch batch, const Team& team) override {
    program_.run_heads(buffers(), batch.rows, team.share());
    team.barrier();
  }

  void close(Batch batch) override {
    Inference::close(batch);
    for (std::size_t i = 0; i < heads().size(); ++i) total_.add(heads()[i], buffers().head(i), batch.rows);
  }

  bool only_outputs() const override { return false; }

  double loss_so_far() const override { return total_.value(); }

 private:
  const std::vector<HeadSpec>& heads() const { return program_.heads_; }

  void bind_head(std::size_t index, Batch batch) {
    HeadBuffers& memory = buffers().head(index);
    memory = buffers().own_head(index);
    if (const void* rows = in_place(feed().targets[index], feed().order, batch))
      memory.targets = const_cast<void*>(rows);
    memory.weights = nullptr;
    if (!feed().weights.empty())  // an evaluation goes through its rows as they lie
      memory.weights =
          static_cast<float*>(const_cast<void*>(in_place(feed().weights[index], nullptr, batch)));
  }

  Program& program_;
  LossTotal total_;
};

int Program::team_limit(int threads, std::int64_t rows) const {
  const bool alone = threads == 0 && !TeamChoice::pays(graph_->work(rows));
  return alone ? 1 : allowed_threads(threads);
}

void Program::run(Inference& inference, Pass pass, std::int64_t rows, int threads, int allowed) {
  // Batches that are taken whole come in any size, each too seldom to measure.
  if (threads > 0 || allowed == 1 || graph_->mixes_rows())
    inference.run(allowed);
  else
    inference.run(team_choice(pass, rows, allowed));
}

bool Program::predict(const InferRequest& request, int threads) {
  const ProgramEntry entry(*this);
  const std::int64_t rows = std::min(request.feed.rows, chunk_rows_);
  if (rows == 0) return true;
  const int allowed = team_limit(threads, rows);
  Inference inference(*graph_, outputs_, parameters_, buffers(Pass::predict, rows, allowed), rows, request);
  run(inference, Pass::predict, rows, threads, allowed);
  return !inference.met_nonfinite();
}

double Program::evaluate(const InferRequest& request, int threads) {
  const ProgramEntry entry(*this);
  require(!heads_.empty(), "evaluate: the program has no loss");
  check_targets(request.feed);
  const std::int64_t rows = std::min(request.feed.rows, chunk_rows_);
  if (rows == 0) return 0;
  const int allowed = team_limit(threads, rows);
  Evaluation evaluation(*this, buffers(Pass::evaluate, rows, allowed), rows, request);
  run(evaluation, Pass::evaluate, rows, threads, allowed);
  return evaluation.loss_sum();
}

}  // namespace hotloop
