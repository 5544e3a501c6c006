// Predict and evaluate: the forward pass over a feed, chunk by chunk. The chunk size is ours to choose,
// because no row's result depends on the rows beside it.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "program/poll.h"
#include "program/program.h"

namespace hotloop {
namespace {

constexpr std::int64_t kChunkRows = 256;

struct Chunk {
  const Feed& feed;
  Batch batch;
};

// Inputs that can be read where they lie are; the others are listed in to_gather.
void bind_inputs(const Graph& graph, PassBuffers& buffers, const Chunk& chunk,
                 std::vector<std::size_t>& to_gather) {
  to_gather.clear();
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const void* rows = in_place(chunk.feed.inputs[i], chunk.feed.order, chunk.batch);
    buffers.redirect(graph.inputs()[i], rows);
    if (rows == nullptr) to_gather.push_back(i);
  }
}

void bind_head(PassBuffers& buffers, std::size_t index, const HeadSpec& head, const Chunk& chunk) {
  HeadBuffers& memory = buffers.head(index);
  memory = buffers.own_head(index);
  if (const void* rows = in_place(chunk.feed.targets[index], chunk.feed.order, chunk.batch))
    memory.targets = const_cast<void*>(rows);
  if (chunk.feed.weights == nullptr)
    memory.weights = nullptr;
  else if (head.positions == 1)
    memory.weights = const_cast<float*>(chunk.feed.weights) + chunk.batch.first;
  else
    gather_weights(chunk.feed, head.positions, chunk.batch, memory.weights);
}

}  // namespace

void Program::infer(Pass pass, const Feed& feed, const std::vector<float*>& outputs, int threads,
                    const Hook& hook, double* loss_sum) {
  const std::int64_t chunk_rows = std::min(feed.rows, kChunkRows);
  if (chunk_rows == 0) return;
  const int allowed = allowed_threads(threads);
  PassBuffers& pass_buffers = buffers(pass, chunk_rows, allowed);
  const StepState state{parameters_, nullptr, false, 0, 0};
  double total = 0;
  Poll poll(hook);
  bool stop = false, pause = false;
  std::int64_t done = 0, chunks_left = 0;
  std::vector<std::size_t> to_gather;
  to_gather.reserve(graph_->inputs().size());  // nothing is allocated inside the team
  Batch batch{0, 0};
  const auto begin_chunk = [&] {
    batch = {done, std::min(chunk_rows, feed.rows - done)};
    const Chunk chunk{feed, batch};
    bind_inputs(*graph_, pass_buffers, chunk, to_gather);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (graph_->producer(outputs_[i]) != Graph::kNoNode)
        pass_buffers.redirect(outputs_[i], outputs[i] + batch.first * graph_->value(outputs_[i]).features);
    if (pass == Pass::evaluate)
      for (std::size_t i = 0; i < heads_.size(); ++i) bind_head(pass_buffers, i, heads_[i], chunk);
  };
  const auto end_chunk = [&] {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::int64_t features = graph_->value(outputs_[i]).features;
      float* wanted = outputs[i] + batch.first * features;
      const void* made = pass_buffers.value(outputs_[i]);
      if (made != wanted)
        std::memcpy(wanted, made, static_cast<std::size_t>(batch.rows * features) * sizeof(float));
    }
    if (pass == Pass::evaluate)
      for (std::size_t i = 0; i < heads_.size(); ++i)
        total += sum_head_loss(heads_[i], pass_buffers.head(i), batch.rows);
    done += batch.rows;
    stop = done >= feed.rows || poll.wants_stop(done, total / static_cast<double>(done));
    pause = stop || --chunks_left == 0;
  };

  const auto run_chunks = [&](Team& team) {
    do {
      if (team.rank() == 0) begin_chunk();
      team.barrier();
      for (std::size_t i : to_gather)
        gather(feed.inputs[i], feed.order, batch, pass_buffers.value(graph_->inputs()[i]), team.share());
      if (pass == Pass::evaluate)
        for (std::size_t i = 0; i < heads_.size(); ++i)
          if (pass_buffers.head(i).targets == pass_buffers.own_head(i).targets)
            gather(feed.targets[i], feed.order, batch, pass_buffers.head(i).targets, team.share());
      team.barrier();
      pass_buffers.forward(*graph_, state, batch.rows, team);
      if (pass == Pass::evaluate) {
        run_heads(pass_buffers, batch.rows, team.share());
        team.barrier();
      }
      if (team.rank() == 0) end_chunk();
      team.barrier();
    } while (!pause);
  };
  if (threads > 0) {
    run_team(allowed, run_chunks);
  } else {
    TeamChoice& choice = team_choice(pass, chunk_rows, allowed);
    while (!stop) {
      const std::int64_t chunks = chunks_left =
          choice.units((feed.rows - done + chunk_rows - 1) / chunk_rows);
      const auto start = std::chrono::steady_clock::now();
      run_team(choice.threads(), run_chunks);
      choice.record(chunks, std::chrono::steady_clock::now() - start);
    }
  }
  for (ValueId id : graph_->inputs()) pass_buffers.redirect(id, nullptr);
  for (ValueId id : outputs_) pass_buffers.redirect(id, nullptr);
  if (loss_sum != nullptr)
    *loss_sum = total + update_.regularization_alone(parameters_) * static_cast<double>(done);
}

}  // namespace hotloop
