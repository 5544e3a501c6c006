// How the CPU goes from chunk to chunk.
#include <algorithm>
#include <chrono>
#include <limits>

#include "ops/batch/batch.h"
#include "program/infer.h"

namespace hotloop {

std::int64_t most_chunk_rows(const Graph& graph) {
  constexpr std::int64_t kLeast = 64, kMost = 256, kGrain = 32, kCache = 768 * 1024, kFewWeights = kCache / 2;
  if (graph.mixes_rows()) return std::numeric_limits<std::int64_t>::max();
  double weights = 0;
  for (const GraphNode& entry : graph.nodes()) {
    weights += entry.facts.constant_bytes;
    for (const Stretch& s : entry.facts.parameters)
      weights += static_cast<double>(s.size * size_of(DType::f32));
  }
  if (weights > kFewWeights) return kMost;
  std::int64_t row = 0, widest = 1;  // a graph that is refused may have nothing in a row
  for (ValueId id : graph.inputs()) row += graph.value(id).features() * size_of(DType::f32);
  for (const GraphNode& entry : graph.nodes()) {
    if (!entry.batched) continue;
    std::int64_t made = 0;
    for (ValueId id : entry.outputs) made += graph.value(id).features() * size_of(graph.value(id).dtype);
    widest = std::max(widest, made);
  }
  const std::int64_t rows = (kCache - static_cast<std::int64_t>(weights)) / (row + widest);
  return std::clamp(rows / kGrain * kGrain, kLeast, kMost);
}

void Inference::run(int threads) {
  if (feed().rows > 0) run_chunks(threads, chunks_left());
}

void Inference::run(TeamChoice& choice) {
  while (!stop_ && done_ < feed().rows) {
    const std::int64_t chunks = choice.units(chunks_left());
    const auto start = std::chrono::steady_clock::now();
    run_chunks(choice.threads(), chunks);
    choice.record(chunks, std::chrono::steady_clock::now() - start);
  }
}

void Inference::run_chunks(int threads, std::int64_t chunks) {
  chunks_in_turn_ = chunks;
  run_team(threads, [this](const Team& team) {
    do chunk(team);
    while (chunks_in_turn_ > 0);
  });
}

void Inference::chunk(const Team& team) {
  if (team.rank() == 0) {
    batch_ = {done_, std::min(chunk_rows_, feed().rows - done_)};
    open(batch_);
  }
  team.barrier();
  gather(batch_, team);
  if (request_.refuse_nonfinite) look_for_nonfinite(batch_, team.share());
  team.barrier();
  if (!nonfinite_.load(std::memory_order_relaxed)) {
    buffers_.forward(graph_, state_, batch_.rows, team);
    after_forward(batch_, team);
  }
  if (team.rank() == 0) end_chunk();
  team.barrier();
}

// Here and not before the call: what a chunk's first op is about to read comes into the caches once.
void Inference::look_for_nonfinite(Batch batch, Share share) {
  for (const Column& column : feed().inputs) {
    if (column.dtype != DType::f32) continue;
    const Range mine = share.of(batch.rows * column.row_size, 1024);
    const float* rows = static_cast<const float*>(column.data) + batch.first * column.row_size;
    if (!all_finite(rows + mine.begin, mine.end - mine.begin))
      nonfinite_.store(true, std::memory_order_relaxed);
  }
}

}  // namespace hotloop
