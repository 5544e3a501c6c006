// A model as one native program: forward, loss, backward and update over planned buffers, whole epochs a
// call.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "program/buffers.h"
#include "program/feed.h"
#include "program/graph.h"
#include "program/head.h"
#include "program/team_choice.h"
#include "program/update.h"

namespace hotloop {

// Called by the calling thread a few times a second, between whole steps, with the steps done so far and
// their mean loss; true asks to stop. Must not throw.
using Hook = std::function<bool(std::int64_t done, double mean_loss)>;

class Poll;

struct TrainRequest {
  Feed feed;
  std::int64_t batch_size = 32;
  std::int64_t first_step = 0, steps = 0;  // step s takes rows s * batch_size onwards of feed.order
  const float* learning_rates = nullptr;   // one a step
  std::int64_t iteration = 0;              // steps the optimizer has done before
  std::uint64_t seed = 0;
  std::vector<float*> outputs;  // per program output: feed.rows x features, or empty
  bool stop_on_nan = false;
  int threads = 0;  // 0: as many as pay
  Hook hook;
};

struct TrainResult {
  std::int64_t steps = 0, rows = 0;
  double loss_sum = 0;  // over samples, regularisation included
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
  void predict(const Feed& feed, const std::vector<float*>& outputs, int threads, const Hook& hook);
  double evaluate(const Feed& feed, const std::vector<float*>& outputs, int threads, const Hook& hook);
  TrainResult train(const TrainRequest& request);

  const Graph& graph() const { return *graph_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const std::vector<HeadSpec>& heads() const { return heads_; }
  // Multiply-adds of one row's forward pass, roughly.
  double work_per_row() const;

 private:
  friend class ProgramEntry;

  void infer(Pass pass, const Feed& feed, const std::vector<float*>& outputs, int threads, const Hook& hook,
             double* loss_sum);
  // threads as asked for, or 0: as many as a team may have.
  static int allowed_threads(int threads);
  PassBuffers& buffers(Pass pass, std::int64_t rows, int threads);
  bool inside_arena(const Stretch& stretch) const;
  // Once inside: another thread may have set other losses since the caller looked at its arrays.
  void check_targets(const Feed& feed) const;
  TeamChoice& team_choice(Pass pass, std::int64_t rows, int allowed);
  // The losses of a batch, this rank's share; with gradients where the pass has memory for them.
  void run_heads(PassBuffers& buffers, std::int64_t rows, Share share);
  void run_steps(const TrainRequest& request, PassBuffers& buffers, std::int64_t begin, std::int64_t end,
                 int threads, TrainResult& result, Poll& poll, bool& stop);

  std::shared_ptr<Graph> graph_;
  std::vector<ValueId> outputs_;
  float* parameters_;
  float* gradients_;
  std::int64_t arena_size_;
  std::vector<HeadSpec> heads_;
  Update update_;
  std::map<Pass, PassBuffers> passes_;
  std::map<std::tuple<Pass, std::int64_t, int>, TeamChoice> choices_;  // by rows a unit and threads allowed
  int prepared_threads_ = 0;
  std::atomic<int> holder_{0};  // 1 + forks() of the process whose thread is inside, else 0
  std::atomic<std::thread::id> owner_{};
};

}  // namespace hotloop
