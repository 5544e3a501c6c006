// The forward pass over a feed, chunk by chunk: what predict, evaluate and frozen sessions share. The chunk
// size is ours to choose where no row's result depends on the rows beside it; else all rows are one chunk.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "program/buffers.h"
#include "program/feed.h"
#include "program/poll.h"
#include "program/team_choice.h"

namespace hotloop {

// What a call of predict asks for.
struct InferRequest {
  const Feed& feed;
  // Per output: feed.rows x features; empty where only the loss is wanted.
  const std::vector<float*>& results;
  const Hook& hook;
  bool refuse_nonfinite = false;  // end at the first chunk with NaN or infinity among its float32 inputs
};

// Rows that a chunk has at most: many, so that weights are read seldom; but where the weights are few, only
// as many as find room beside them in a second-level cache. No limit for a graph that mixes rows.
std::int64_t most_chunk_rows(const Graph& graph);

class Inference {
 public:
  // The buffers are ready for chunks of so many rows; parameters may be null where the nodes are frozen.
  Inference(Graph& graph, const std::vector<ValueId>& outputs, float* parameters, PassBuffers& buffers,
            std::int64_t chunk_rows, const InferRequest& request);
  virtual ~Inference();  // the buffers forget the caller's memory
  Inference(const Inference&) = delete;
  Inference& operator=(const Inference&) = delete;

  // Goes over all rows on so many threads, or on as many as turn out to pay.
  void run(int threads);
  void run(TeamChoice& choice);
  bool met_nonfinite() const { return nonfinite_; }

 protected:
  // Around the forward pass of a chunk. open and close are called by one rank alone, gather by every rank.
  virtual void open(Batch batch);
  virtual void gather(Batch batch, const Team& team);
  // Called by every rank.
  virtual void after_forward([[maybe_unused]] Batch batch, [[maybe_unused]] const Team& team) {}
  virtual void close(Batch batch);
  // Whether nothing but the outputs is wanted of a chunk.
  virtual bool only_outputs() const { return true; }
  virtual double loss_so_far() const { return 0; }

  const Feed& feed() const { return request_.feed; }
  PassBuffers& buffers() { return buffers_; }
  std::int64_t rows_done() const { return done_; }

 private:
  void run_chunks(int threads, std::int64_t chunks);
  void chunk(const Team& team);
  void end_chunk();
  void look_for_nonfinite(Batch batch, Share share);
  std::int64_t chunks_left() const { return (feed().rows - done_ + chunk_rows_ - 1) / chunk_rows_; }

  Graph& graph_;
  const std::vector<ValueId>& outputs_;
  PassBuffers& buffers_;
  const InferRequest& request_;
  const StepState state_;
  const std::int64_t chunk_rows_;
  std::optional<Poll> poll_;
  Batch batch_{0, 0};
  std::int64_t done_ = 0, chunks_in_turn_ = 0;
  bool stop_ = false;
  std::atomic<bool> nonfinite_{false};
};

}  // namespace hotloop
