// A model as one native program: forward, loss, backward and update over planned buffers, whole epochs a
// call.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "program/buffers.h"
#include "program/feed.h"
#include "program/graph.h"
#include "program/head.h"
#include "program/infer.h"
#include "program/poll.h"
#include "program/profile.h"
#include "program/team_choice.h"
#include "program/update.h"

namespace hotloop {

struct TrainRequest {
  Feed feed;
  std::int64_t batch_size = 32;
  std::int64_t first_step = 0, steps = 0;  // step s takes rows s * batch_size onwards of feed.order
  const float* learning_rates = nullptr;   // one a step
  std::int64_t iteration = 0;              // steps the optimizer has done before
  std::uint64_t seed = 0;
  // What the epoch has come to before: losses are summed in one chain, however it is cut into calls.
  double loss_before = 0;
  std::int64_t rows_before = 0;
  std::vector<float*> outputs;  // per program output: feed.rows x features, or empty
  bool stop_on_nan = false;
  int threads = 0;  // 0: as many as pay
  Hook hook;
  StepTimer* timer = nullptr;  // for profiles
};

struct TrainResult {
  std::int64_t steps = 0, rows = 0;
  double loss_sum = 0;  // over samples, those before the call too; regularisation included
};

class Program {
 public:
  // The arenas belong to the caller and outlive the program. gradients may be null when it never trains.
  Program(std::shared_ptr<Graph> graph, std::vector<ValueId> outputs, float* parameters, float* gradients,
          std::int64_t arena_size);

  void set_loss(std::vector<HeadSpec> heads);
  void set_update(UpdateSpec spec);

  // Each of these runs alone: a second caller waits. Memory is laid out on the first call with a batch size
  // and kept. Throws std::runtime_error when this thread is already inside (a hook that calls back).
  // threads: 0 for as many as pay.
  bool predict(const InferRequest& request, int threads);  // false where it met NaN or infinity and stopped
  double evaluate(const InferRequest& request, int threads);
  void train(const TrainRequest& request,
             TrainResult& result);  // result: also for the hook, while it is asked

  // For profiles: so many forward passes over all rows of the feed at once, and what their parts are; and
  // what the parts of the training steps are that ran last.
  std::vector<StepPart> time_forward(const Feed& feed, std::int64_t calls, int threads, StepTimer& timer);
  std::vector<StepPart> training_parts(const Feed& feed, std::int64_t rows);

  const Graph& graph() const { return *graph_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const std::vector<HeadSpec>& heads() const { return heads_; }
  // Leaves the working memory to the system, since it may be in the middle of a change: in a child of fork.
  void forget_memory();

 private:
  friend class ProgramEntry;
  class Evaluation;

  void run(Inference& inference, Pass pass, std::int64_t rows, int threads, int allowed);
  // Threads that a chunk of so many rows may be given: one where a second could not pay.
  int team_limit(int threads, std::int64_t rows) const;
  // threads as asked for, or 0: as many as a team may have.
  static int allowed_threads(int threads);
  PassBuffers& buffers(Pass pass, std::int64_t rows, int threads);
  // Checks, lays out, and tells everyone that a call that trains begins.
  PassBuffers& ready_to_train(const Feed& feed, std::int64_t batch_rows, int threads);
  // Once inside: another thread may have set other losses since the caller looked at its arrays.
  void check_targets(const Feed& feed) const;
  TeamChoice& team_choice(Pass pass, std::int64_t rows, int allowed);
  // The losses of a batch, this rank's share; with gradients where the pass has memory for them.
  void run_heads(PassBuffers& buffers, std::int64_t rows, Share share);
  void run_steps(const TrainRequest& request, PassBuffers& buffers, std::int64_t begin, std::int64_t end,
                 int threads, TrainResult& result, Poll& poll, bool& stop);
  // The CUDA half: asks for one step on the context's stream.
  void ask_for_step(const TrainRequest& request, PassBuffers& buffers, const Feed& feed, std::int64_t rows);

  std::shared_ptr<Graph> graph_;
  std::vector<ValueId> outputs_;
  float* parameters_;
  float* gradients_;
  std::int64_t arena_size_;
  std::int64_t chunk_rows_;  // of predict and evaluate
  std::vector<HeadSpec> heads_;
  Update update_;
  std::map<Pass, PassBuffers> passes_;
  std::map<std::tuple<Pass, std::int64_t, int>, TeamChoice> choices_;  // by rows a unit and threads allowed
  struct Captured;  // the CUDA half's: steps as graphs, and what they read and write
  std::shared_ptr<Captured> captured_;
  std::atomic<int> holder_{0};  // 1 + forks() of the process whose thread is inside, else 0
  std::atomic<std::thread::id> owner_{};
};

}  // namespace hotloop
