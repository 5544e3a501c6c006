// How a GPU goes from chunk to chunk: they are large, and asked for one after the other without waiting.
#include <algorithm>
#include <limits>

#include "cuda/context.h"
#include "cuda/stream.h"
#include "ops/batch/batch.h"
#include "program/infer.h"
#include "program/small_network.h"

namespace hotloop {

// What fills a large GPU many times over, in a quarter of a gigabyte of values.
std::int64_t most_chunk_rows(const Graph& graph) {
  constexpr std::int64_t kLeast = 256, kMost = 65536, kBytes = std::int64_t{1} << 28;
  if (graph.mixes_rows()) return std::numeric_limits<std::int64_t>::max();
  std::int64_t row = 1;
  for (const ValueSpec& value : graph.values())
    row += value.batched ? value.features() * size_of(value.dtype) : 0;
  return std::clamp(kBytes / row, kLeast, kMost);
}

void Inference::run(int threads) {
  if (feed().rows > 0) run_chunks(threads, chunks_left());
}
void Inference::run(TeamChoice&) { run(1); }

// No further ahead of the GPU than a chunk, so that Ctrl-C and the progress hook are soon heard.
void Inference::run_chunks(int threads, std::int64_t chunks) {
  chunks_in_turn_ = chunks;
  cuda::wait_for_last_use(buffers_.last_use());
  const bool several = chunks > 1;
  const cuda::Event done[2] = {several ? cuda::new_event() : cuda::Event(),
                               several ? cuda::new_event() : cuda::Event()};
  run_team(threads, [&](const Team& team) {
    for (int turn = 0; chunks_in_turn_ > 0; turn ^= 1) {
      chunk(team);
      if (!several) continue;
      cuda::check(cudaEventRecord(done[turn].get(), cuda::context().stream), "predict");
      if (done_ > chunk_rows_) cuda::check(cudaEventSynchronize(done[turn ^ 1].get()), "predict");
    }
  });
  cuda::record_last_use(buffers_.last_use());
}

void Inference::chunk(const Team& team) {
  batch_ = {done_, std::min(chunk_rows_, feed().rows - done_)};
  open(batch_);
  gather(batch_, team);
  if (request_.refuse_nonfinite) look_for_nonfinite(batch_, team.share());
  if (!nonfinite_.load(std::memory_order_relaxed)) {
    const auto small =
        only_outputs() ? small_network(graph_, outputs_, state_.parameters, batch_.rows) : std::nullopt;
    if (small)
      cuda::mlp_forward(*small, static_cast<const float*>(buffers_.value(graph_.inputs()[0])), batch_.rows,
                        static_cast<float*>(buffers_.value(outputs_[0])));
    else
      buffers_.forward(graph_, state_, batch_.rows, team);
    after_forward(batch_, team);
  }
  const cuda::ContextScope kept(cuda::context());  // the hook may do other work on this thread
  end_chunk();
}

void Inference::look_for_nonfinite(Batch batch, Share) {
  for (const Column& column : feed().inputs) {
    if (column.dtype != DType::f32) continue;
    const float* rows = static_cast<const float*>(column.data) + batch.first * column.row_size;
    if (!all_finite(rows, batch.rows * column.row_size)) nonfinite_.store(true, std::memory_order_relaxed);
  }
}

}  // namespace hotloop
