#include "program/infer.h"

#include "base/aligned_buffer.h"

namespace hotloop {

Inference::Inference(Graph& graph, const std::vector<ValueId>& outputs, float* parameters,
                     PassBuffers& buffers, std::int64_t chunk_rows, const InferRequest& request)
    : graph_(graph),
      outputs_(outputs),
      buffers_(buffers),
      request_(request),
      state_{parameters, nullptr, false, 0, 0},
      chunk_rows_(chunk_rows) {
  if (feed().rows > chunk_rows_) poll_.emplace(request.hook);
}

Inference::~Inference() {
  for (ValueId id : graph_.inputs()) buffers_.redirect(id, nullptr);
  for (ValueId id : outputs_) buffers_.redirect(id, nullptr);
}

void Inference::end_chunk() {
  close(batch_);
  done_ += batch_.rows;
  stop_ = nonfinite_ || done_ >= feed().rows ||
          (poll_->due() && poll_->ask(done_, loss_so_far() / static_cast<double>(done_)));
  --chunks_in_turn_;
  if (stop_) chunks_in_turn_ = 0;
}

// Inputs are read where they lie, and results written where they are wanted, wherever that can be.
void Inference::open(Batch batch) {
  for (std::size_t i = 0; i < graph_.inputs().size(); ++i)
    buffers_.redirect(graph_.inputs()[i], in_place(feed().inputs[i], feed().order, batch));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (graph_.producer(outputs_[i]) == Graph::kNoNode) continue;
    const std::int64_t offset = batch.first * graph_.value(outputs_[i]).features();
    buffers_.redirect(outputs_[i], request_.results.empty() ? nullptr : request_.results[i] + offset);
  }
}

void Inference::gather(Batch batch, const Team& team) {
  for (std::size_t i = 0; i < graph_.inputs().size(); ++i)
    if (in_place(feed().inputs[i], feed().order, batch) == nullptr)
      hotloop::gather(feed().inputs[i], feed().order, batch, buffers_.value(graph_.inputs()[i]),
                      team.share());
}

// An output that is an input as well, or another output too, has its memory elsewhere.
void Inference::close(Batch batch) {
  for (std::size_t i = 0; i < request_.results.size(); ++i) {
    const std::int64_t features = graph_.value(outputs_[i]).features();
    float* wanted = request_.results[i] + batch.first * features;
    const void* made = buffers_.value(outputs_[i]);
    if (made != wanted) copy_block(wanted, made, batch.rows * features * size_of(DType::f32));
  }
}

}  // namespace hotloop
