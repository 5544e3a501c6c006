// The end of a training step: regularisers, clipping and the optimizer, over the arenas.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "cpu/team.h"
#include "ops/optimizer/optimizer.h"
#include "program/hot_update.h"

namespace hotloop {

struct Regularizer {
  Stretch where;
  float l1 = 0, l2 = 0;
};

struct UpdateSpec {
  OptimizerArgs optimizer;  // learning rate, step and gradient scale are filled in each step
  float* slots[kOptimizerSlots] = {};
  std::vector<Stretch> variables;  // what training changes, one a variable
  std::vector<Stretch> undecayed;  // those of them that weight decay leaves alone
  std::vector<Regularizer> regularizers;
  float global_clipnorm = 0, clipnorm = 0;  // 0: off; at most one of them
};

class Update {
 public:
  Update() = default;
  explicit Update(UpdateSpec spec);

  // What backward does to the parameters: the offsets of those it has gradients of; by backward step, those
  // that its node could update itself. The others' gradients are made zero in each step, since regularisers
  // add to them.
  void set_backward(const std::vector<std::int64_t>& reached,
                    const std::vector<std::vector<Stretch>>& could_be_hot);
  // Whether the node of a backward step may update its parameters itself: not where a norm or a regulariser
  // needs whole gradients first.
  bool is_hot(std::size_t backward_step) const { return hot_[backward_step] != 0; }
  HotUpdate hot_update(float* weights, float learning_rate, std::int64_t iteration) const;

  // Called by every rank after the gradients are complete; returns with this rank's share of the update made
  // (the caller puts the barrier). hot: the nodes that may have updated their parameters themselves. Returns
  // the regularisation loss of the weights before the update.
  double step(float* weights, float* gradients, float learning_rate, std::int64_t iteration, bool hot,
              const Team& team);
  // For profiles: how many numbers a parameter has beside itself, and how many parameters step() updates, and
  // takes a norm of, where the nodes that may update theirs themselves do.
  int state_size() const;
  std::int64_t cold_size() const;
  std::int64_t norm_size() const;
  // The regularisation loss alone, on this thread.
  double regularization_alone(const float* weights);

  // The CUDA half's step() does not wait for what it asks for: it takes its learning rates from here, one a
  // step of a call, and adds the regularisation loss to a number on the device. Called outside a capture;
  // returns where the tables lie.
  const void* stage(const float* learning_rates, std::int64_t iteration, std::int64_t steps, double* penalty);

  // Where each parameter is updated by itself, without a look at others: what that takes, once staged.
  struct Plain {
    const OptimizerScalars* scalars;  // in device memory, one a step
    float* const* slots;
    std::size_t variables;
  };
  std::optional<Plain> plain() const;
  bool decays(std::int64_t offset) const;

 private:
  double regularization(const float* weights, const Team& team);
  static std::int64_t block_count(std::int64_t size) { return (size + kSumBlock - 1) / kSumBlock; }
  OptimizerArgs args_of(float learning_rate, std::int64_t iteration) const;
  bool by_norm() const { return spec_.clipnorm > 0 || spec_.global_clipnorm > 0; }
  struct Segment {
    Stretch where;
    bool decay;
    int norm;  // index into norms_, -1 without clipping by norm
  };
  struct BlockSum {  // the partial sums of one stretch
    Stretch where;
    std::int64_t first_partial;
  };
  std::vector<Segment> segments(const std::vector<Stretch>& without) const;
  double total(const BlockSum& sum) const;
  double regularization_total() const;

  UpdateSpec spec_;
  std::vector<Segment> all_, cold_;  // every variable; those that no node updates itself
  std::vector<char> hot_;            // by backward step
  std::vector<Stretch> unreached_;
  std::vector<BlockSum> gradient_sums_;        // one a variable, with clipping by norm
  std::vector<BlockSum> squares_, absolutes_;  // one a regulariser with that part
  std::vector<float> square_factors_, absolute_factors_;
  AlignedBuffer partials_;
  struct Staged;  // what the CUDA half's step() reads, in device memory
  std::shared_ptr<Staged> staged_;
};

}  // namespace hotloop
