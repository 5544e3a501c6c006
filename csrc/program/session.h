// A frozen graph: its weights are final and packed, and any number of threads may run it at once, each in
// working memory of its own.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "cpu/team.h"
#include "program/graph.h"
#include "program/infer.h"
#include "program/profile.h"

namespace hotloop {

class Session {
 public:
  // parameters: the arena of the nodes' offsets, not read after the constructor. rows: what the first working
  // memory is laid out for. threads: the most that a call may use, 0 for as many as pay.
  Session(std::shared_ptr<Graph> graph, std::vector<ValueId> outputs, const float* parameters,
          std::int64_t arena_size, std::int64_t rows, int threads);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // False where it met NaN or infinity and stopped. Calls that run side by side take one thread each.
  bool run(const InferRequest& request);
  // For profiles: so many forward passes over all rows of the feed at once, and what their parts are.
  std::vector<StepPart> time_forward(const Feed& feed, std::int64_t calls, int threads, StepTimer& timer);

  const Graph& graph() const { return *graph_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }

 private:
  // What one call needs for itself.
  struct Context {
    PassBuffers buffers;
    std::map<std::pair<std::int64_t, int>, TeamChoice> choices;  // by rows a chunk and threads allowed
  };
  class Lease;

  int allowed_threads(std::int64_t rows) const;
  void lay_out(Context& context, std::int64_t rows, int threads) const;

  std::shared_ptr<Graph> graph_;
  std::vector<ValueId> outputs_;
  std::int64_t rows_, chunk_rows_;
  int threads_;
  AlignedBuffer parameters_;  // empty where every node keeps its own
  // Contexts that nobody uses. No lock, so that a fork at any moment leaves the child a pool that works.
  std::array<std::atomic<Context*>, 32> idle_{};
  std::atomic<int> running_{0}, forks_{forks()};
};

}  // namespace hotloop
