// The CPU's side of an update: sums, then the optimizer, each rank its share.
#include <algorithm>
#include <cmath>

#include "program/update.h"

namespace hotloop {

double Update::total(const BlockSum& sum) const {
  return block_total(partials_.as<float>() + sum.first_partial, block_count(sum.where.size));
}

double Update::regularization_total() const {
  double loss = 0;
  for (std::size_t i = 0; i < squares_.size(); ++i) loss += square_factors_[i] * total(squares_[i]);
  for (std::size_t i = 0; i < absolutes_.size(); ++i) loss += absolute_factors_[i] * total(absolutes_[i]);
  return loss;
}

double Update::regularization(const float* weights, const Team& team) {
  if (squares_.empty() && absolutes_.empty()) return 0;
  for (const BlockSum& sum : squares_)
    sum_squares_blocks(weights + sum.where.offset, sum.where.size, partials_.as<float>() + sum.first_partial,
                       team.share());
  for (const BlockSum& sum : absolutes_)
    sum_absolute_blocks(weights + sum.where.offset, sum.where.size, partials_.as<float>() + sum.first_partial,
                        team.share());
  team.barrier();
  return regularization_total();
}

double Update::regularization_alone(const float* weights) {
  Barrier nobody(1);
  return regularization(weights, Team(0, 1, nobody));
}

double Update::step(float* weights, float* gradients, float learning_rate, std::int64_t iteration, bool hot,
                    const Team& team) {
  for (const Stretch& s : unreached_) {
    const Range mine = team.share().of(s.size);
    std::fill(gradients + s.offset + mine.begin, gradients + s.offset + mine.end, 0.0f);
  }
  if (!unreached_.empty()) team.barrier();
  const double penalty = regularization(weights, team);
  for (const Regularizer& r : spec_.regularizers)
    add_regularizer_gradient(weights + r.where.offset, gradients + r.where.offset, r.l1, r.l2, r.where.size,
                             team.share());
  if (!spec_.regularizers.empty()) team.barrier();

  double global_scale = 1;
  if (!gradient_sums_.empty()) {
    for (const BlockSum& sum : gradient_sums_)
      sum_squares_blocks(gradients + sum.where.offset, sum.where.size,
                         partials_.as<float>() + sum.first_partial, team.share());
    team.barrier();
    if (spec_.global_clipnorm > 0) {
      double squares = 0;
      for (const BlockSum& sum : gradient_sums_) squares += total(sum);
      global_scale = spec_.global_clipnorm / std::max(std::sqrt(squares), double{spec_.global_clipnorm});
    }
  }

  OptimizerArgs args = args_of(learning_rate, iteration);
  for (const Segment& segment : hot ? cold_ : all_) {
    double scale = global_scale;
    if (segment.norm >= 0) {
      const double norm = std::sqrt(total(gradient_sums_[static_cast<std::size_t>(segment.norm)]));
      scale = spec_.clipnorm / std::max(norm, double{spec_.clipnorm});
    }
    args.gradient_scale = static_cast<float>(scale);
    args.weight_decay = segment.decay ? spec_.optimizer.weight_decay : 0.0f;
    float* slots[kOptimizerSlots];
    for (int i = 0; i < kOptimizerSlots; ++i)
      slots[i] = spec_.slots[i] == nullptr ? nullptr : spec_.slots[i] + segment.where.offset;
    optimizer_step(args, weights + segment.where.offset, gradients + segment.where.offset, slots,
                   segment.where.size, team.share());
  }
  return penalty;
}

}  // namespace hotloop
