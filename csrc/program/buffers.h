// The memory of one pass over a graph, and the runs of its nodes on it.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "program/feed.h"
#include "program/row_walk.h"
#include "program/schedule.h"
#include "program/step_timer.h"
#include "program/update.h"

namespace hotloop {

// The arenas and the random key of a step.
struct StepState {
  float* parameters;
  float* gradients;
  bool training;
  std::uint64_t seed, step;
  const HotUpdate* hot_update = nullptr;  // for the backward steps that `update` lets have it
  const Update* update = nullptr;
  StepTimer* timer = nullptr;  // for profiles
};

class PassBuffers {
 public:
  // Lays out buffers for `max_rows` rows and as many threads; allocates, so call it outside the team.
  // parameters: the arena of all later runs, for nodes that are not frozen.
  void prepare(const Graph& graph, const float* parameters, const std::vector<HeadSpec>& heads,
               Schedule schedule, std::int64_t max_rows, int threads, bool training);
  bool ready_for(std::int64_t rows, int threads) const { return rows <= max_rows_ && threads <= threads_; }
  std::int64_t max_rows() const { return max_rows_; }
  int threads() const { return threads_; }
  const Schedule& schedule() const { return schedule_; }

  // Points a value at memory outside the plan for the next batch, or (null) back at its own.
  void redirect(ValueId id, const void* memory);
  void* value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  float* gradient(ValueId id) const { return gradients_[static_cast<std::size_t>(id)]; }
  HeadBuffers& head(std::size_t index) { return heads_[index]; }
  HeadBuffers own_head(std::size_t index) const { return own_heads_[index]; }

  // The CUDA half's: an event behind the last run that nobody waited for. Another stream waits for it first.
  std::shared_ptr<void>& last_use() { return last_use_; }

  // Called by every rank of the team.
  void forward(Graph& graph, const StepState& state, std::int64_t rows, const Team& team) const;
  void backward(Graph& graph, const StepState& state, std::int64_t rows, const Team& team) const;

 private:
  void run_node(int i, Graph& graph, const StepState& state, std::int64_t rows, const Team& team) const;

  std::int64_t max_rows_ = -1;
  int threads_ = 0;
  Schedule schedule_;
  std::vector<RowPart> row_walk_;  // forward for one row on one thread, where nothing is trained
  AlignedBuffer memory_, head_memory_, scratch_;
  std::vector<void*> own_values_, values_;
  std::vector<float*> gradients_;
  std::vector<HeadBuffers> own_heads_, heads_;
  // Pointer lists that nodes read, one a node, kept up to date by redirect.
  std::vector<std::vector<const void*>> node_inputs_;
  std::vector<std::vector<const void**>> readers_;  // by value: where it stands among these
  std::vector<std::vector<float*>> step_gradients_;
  std::shared_ptr<void> last_use_;
};

}  // namespace hotloop
