// The CUDA half's side of an update. Nothing here waits for the GPU: what differs from step to step lies in
// tables that the kernels read, so that a step can be captured once and replayed.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "cuda/context.h"
#include "ops/optimizer/optimizer_segments.h"
#include "program/update.h"

namespace hotloop {

using cuda::NormSum;
using cuda::PenaltySum;
using cuda::UpdateSegment;

struct Update::Staged {
  // One block: the segments, the sums of norms and penalties, clipping's scales, and the scalars of each
  // step.
  AlignedBuffer block;
  std::int64_t norms_at = 0, penalties_at = 0, scales_at = 0, scalars_at = 0;
  std::vector<UpdateSegment> segments;
  std::vector<NormSum> norms;
  std::vector<PenaltySum> penalties;
  std::vector<OptimizerScalars> scalars;  // kept until the next call: they may be read later than asked for
  std::int64_t total = 0;                 // of the segments' sizes
  OptimizerScalars shape{};               // of every step: which rule it is
  double* penalty = nullptr;

  template <class T>
  T* at(std::int64_t byte) const {
    return block.as<T>(byte);
  }
  template <class T>
  void put(std::int64_t byte, const std::vector<T>& table) const {
    if (!table.empty()) copy_block(block.as<void>(byte), table.data(), bytes_of(table));
  }
  template <class T>
  static std::int64_t bytes_of(const std::vector<T>& table) {
    return static_cast<std::int64_t>(table.size() * sizeof(T));
  }
};

const void* Update::stage(const float* learning_rates, std::int64_t iteration, std::int64_t steps,
                          double* penalty) {
  if (staged_ == nullptr) staged_ = std::make_shared<Staged>();
  Staged& s = *staged_;
  s.penalty = penalty;
  s.segments.clear(), s.norms.clear(), s.penalties.clear();
  s.total = 0;
  for (const Segment& segment : all_) {
    s.segments.push_back({segment.where.offset, segment.where.size, segment.decay, segment.norm});
    s.total += segment.where.size;
  }
  for (const BlockSum& sum : gradient_sums_)
    s.norms.push_back({sum.first_partial, block_count(sum.where.size)});
  const auto penalize = [&](const std::vector<BlockSum>& sums, const std::vector<float>& factors) {
    for (std::size_t i = 0; i < sums.size(); ++i)
      s.penalties.push_back({sums[i].first_partial, block_count(sums[i].where.size), factors[i]});
  };
  penalize(squares_, square_factors_);
  penalize(absolutes_, absolute_factors_);
  s.scalars.clear();
  for (std::int64_t i = 0; i < steps; ++i)
    s.scalars.push_back(optimizer_scalars(args_of(learning_rates[i], iteration + i + 1)));
  if (!s.scalars.empty()) s.shape = s.scalars.front();

  std::int64_t end = 0;
  const auto room = [&](std::int64_t bytes) { return std::exchange(end, end + round_up(bytes, kAlignment)); };
  room(Staged::bytes_of(s.segments));
  s.norms_at = room(Staged::bytes_of(s.norms));
  s.penalties_at = room(Staged::bytes_of(s.penalties));
  s.scales_at = room(static_cast<std::int64_t>(s.norms.size()) * size_of(DType::f32));
  s.scalars_at = room(0);
  // With room to spare, so that the block seldom moves.
  if (end + Staged::bytes_of(s.scalars) > s.block.bytes())
    s.block.reserve(2 * (end + Staged::bytes_of(s.scalars)));
  s.put(0, s.segments);
  s.put(s.norms_at, s.norms);
  s.put(s.penalties_at, s.penalties);
  s.put(s.scalars_at, s.scalars);
  return s.block.as<void>();
}

std::optional<Update::Plain> Update::plain() const {
  if (by_norm() || !spec_.regularizers.empty() || !unreached_.empty()) return std::nullopt;
  return Plain{staged_->at<OptimizerScalars>(staged_->scalars_at), spec_.slots, spec_.variables.size()};
}

double Update::regularization(const float* weights, const Team& team) {
  const auto partials = [&](const BlockSum& sum) { return partials_.as<float>() + sum.first_partial; };
  for (const BlockSum& sum : squares_)
    sum_squares_blocks(weights + sum.where.offset, sum.where.size, partials(sum), team.share());
  for (const BlockSum& sum : absolutes_)
    sum_absolute_blocks(weights + sum.where.offset, sum.where.size, partials(sum), team.share());
  const Staged& s = *staged_;
  if (!s.penalties.empty())
    cuda::penalty_total(partials_.as<float>(), s.at<PenaltySum>(s.penalties_at),
                        static_cast<int>(s.penalties.size()), s.penalty);
  return 0;
}

double Update::regularization_alone(const float* weights) {
  if (squares_.empty() && absolutes_.empty()) return 0;
  AlignedBuffer penalty(size_of(DType::f32) * 2);
  cuda::check(cudaMemsetAsync(penalty.as<void>(), 0, sizeof(double), cuda::context().stream),
              "regularisation");
  stage(nullptr, 0, 0, penalty.as<double>());
  Barrier nobody(1);
  regularization(weights, Team(0, 1, nobody));
  double total = 0;
  copy_block(&total, penalty.as<void>(), sizeof(double));
  cuda::synchronize("regularisation");
  return total;
}

double Update::step(float* weights, float* gradients, float, std::int64_t, bool, const Team& team) {
  const Staged& s = *staged_;
  for (const Stretch& u : unreached_)
    cuda::check(
        cudaMemsetAsync(gradients + u.offset, 0, static_cast<std::size_t>(u.size * size_of(DType::f32)),
                        cuda::context().stream),
        "clearing gradients");
  regularization(weights, team);
  for (const Regularizer& r : spec_.regularizers)
    add_regularizer_gradient(weights + r.where.offset, gradients + r.where.offset, r.l1, r.l2, r.where.size,
                             team.share());
  float* const scales = s.norms.empty() ? nullptr : s.at<float>(s.scales_at);
  for (const BlockSum& sum : gradient_sums_)
    sum_squares_blocks(gradients + sum.where.offset, sum.where.size,
                       partials_.as<float>() + sum.first_partial, team.share());
  if (scales != nullptr)
    cuda::norm_scales(partials_.as<float>(), s.at<NormSum>(s.norms_at), static_cast<int>(s.norms.size()),
                      spec_.clipnorm, spec_.global_clipnorm, scales);
  cuda::update_segments(s.shape, s.at<OptimizerScalars>(s.scalars_at), cuda::context().step,
                        s.at<UpdateSegment>(0), static_cast<int>(s.segments.size()), s.total, weights,
                        gradients, spec_.slots, scales);
  return 0;
}

}  // namespace hotloop
