// The end of a training step: regularisers, clipping and the optimizer, over the arenas.
#pragma once
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "cpu/team.h"
#include "ops/optimizer/optimizer.h"

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

  // Which parameters backward writes gradients of, by their offsets. Those of the other variables are made
  // zero in each step, since regularisers add to them.
  void set_reached(const std::vector<std::int64_t>& offsets);

  // Called by every rank after the gradients are complete; returns with this rank's share of the update made
  // (the caller puts the barrier). Returns the regularisation loss of the weights before the update.
  double step(float* weights, float* gradients, float learning_rate, std::int64_t iteration,
              const Team& team);
  // The regularisation loss alone, on this thread.
  double regularization_alone(const float* weights);

 private:
  double regularization(const float* weights, const Team& team);
  struct Segment {
    Stretch where;
    bool decay;
    int norm;  // index into norms_, -1 without clipping by norm
  };
  struct BlockSum {  // the partial sums of one stretch
    Stretch where;
    std::int64_t first_partial;
  };
  double total(const BlockSum& sum) const;
  double regularization_total() const;

  UpdateSpec spec_;
  std::vector<Segment> segments_;
  std::vector<Stretch> unreached_;
  std::vector<BlockSum> gradient_sums_;        // one a variable, with clipping by norm
  std::vector<BlockSum> squares_, absolutes_;  // one a regulariser with that part
  std::vector<float> square_factors_, absolute_factors_;
  AlignedBuffer partials_;
};

}  // namespace hotloop
