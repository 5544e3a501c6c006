// Batch normalisation over the last axis: with the batch's own statistics in training, with the moving ones
// in inference and where the layer is frozen.
#include "ops/norm/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "base/aligned_buffer.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class BatchNorm final : public Node {
 public:
  explicit BatchNorm(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        cols_(last_axis_of(spec, input_)),
        gamma_(spec.parameter("gamma", kNoParameter)),
        beta_(spec.parameter("beta", kNoParameter)),
        moving_mean_(spec.parameter("moving_mean")),
        moving_variance_(spec.parameter("moving_variance")),
        momentum_(static_cast<float>(spec.real("momentum", 0.99))),
        epsilon_(static_cast<float>(spec.real("epsilon", 1e-3))),
        trainable_(spec.integer("trainable", 1) != 0) {}

  std::vector<ValueSpec> outputs() const override { return {input_}; }
  NodeFacts facts() const override {
    NodeFacts facts;
    facts.parameters = {{moving_mean_, cols_}, {moving_variance_, cols_}};
    if (gamma_ != kNoParameter) facts.parameters.push_back({gamma_, cols_});
    if (beta_ != kNoParameter) facts.parameters.push_back({beta_, cols_});
    facts.trainable = trainable_ && (gamma_ != kNoParameter || beta_ != kNoParameter);
    facts.backward_reads_outputs = false;
    return facts;
  }

  void prepare(std::int64_t, int, bool training) override {
    if (training) statistics_.reserve(2 * padded() * size_of(DType::f32));
  }

  bool freeze(const float* parameters) override {
    frozen_.reserve(6 * padded() * size_of(DType::f32));
    std::int64_t end = 0;
    for (std::int64_t* offset : {&moving_mean_, &moving_variance_, &gamma_, &beta_}) {
      if (*offset == kNoParameter) continue;
      copy_block(frozen_.as<float>() + end, parameters + *offset, cols_ * size_of(DType::f32));
      *offset = end;
      end += padded();
    }
#ifndef HOTLOOP_CUDA_HALF
    fold();
#endif
    return true;
  }

  bool join(RowStep& step) const override {
    OneRowGemm& product = step.product;
    if (product.b == nullptr || frozen_.bytes() == 0 || product.relu || product.factor != nullptr ||
        cols_ != features_)
      return false;
    product.center = frozen_.as<float>() + moving_mean_;
    product.factor = frozen_.as<float>() + 4 * padded();
    product.offset = frozen_.as<float>() + 5 * padded();
    return true;
  }

  void forward(const NodeRun& run) override {
    if (uses_batch(run))
      batch_norm_train(args(run), run.in(), run.out(), run.parameters + moving_mean_,
                       run.parameters + moving_variance_, mean(), inverse(), run.team.share());
    else
      batch_norm_infer(args(run), run.in(), arena(run) + moving_mean_, arena(run) + moving_variance_,
                       run.out(), run.team.share());
  }

  void backward(const NodeRun& run) override {
    BatchNormGradients gradients;
    gradients.dx = run.input_gradients[0];
    gradients.accumulate = gradients.dx != nullptr && run.accumulate[0];
    gradients.dgamma = trainable_ && gamma_ != kNoParameter ? run.parameter_gradients + gamma_ : nullptr;
    gradients.dbeta = trainable_ && beta_ != kNoParameter ? run.parameter_gradients + beta_ : nullptr;
    int place = 2;  // behind the moving statistics
    if (gradients.dgamma != nullptr) gradients.accumulate_gamma = run.accumulate_parameters[place++];
    if (gradients.dbeta != nullptr) gradients.accumulate_beta = run.accumulate_parameters[place];
    if (uses_batch(run))
      batch_norm_train_backward(args(run), run.in(), run.output_gradient(), mean(), inverse(), gradients,
                                run.team.share());
    else
      batch_norm_infer_backward(args(run), run.in(), run.output_gradient(), run.parameters + moving_mean_,
                                run.parameters + moving_variance_, gradients, run.team.share());
  }

 private:
  // What inference makes of the statistics, in the very operations of its kernel.
  void fold() {
    float* const arena = frozen_.as<float>();
    for (std::int64_t c = 0; c < cols_; ++c) {
      const float inverse = 1.0f / std::sqrt(arena[moving_variance_ + c] + epsilon_);
      arena[4 * padded() + c] = inverse * (gamma_ != kNoParameter ? arena[gamma_ + c] : 1.0f);
      arena[5 * padded() + c] = beta_ != kNoParameter ? arena[beta_ + c] : 0.0f;
    }
  }
  bool uses_batch(const NodeRun& run) const { return run.training && trainable_; }
  BatchNormArgs args(const NodeRun& run) const {
    BatchNormArgs args;
    args.rows = run.rows * (features_ / cols_);
    args.cols = cols_;
    args.epsilon = epsilon_;
    args.momentum = momentum_;
    args.gamma = gamma_ != kNoParameter ? arena(run) + gamma_ : nullptr;
    args.beta = beta_ != kNoParameter ? arena(run) + beta_ : nullptr;
    return args;
  }
  const float* arena(const NodeRun& run) const {
    return frozen_.bytes() > 0 ? frozen_.as<float>() : run.parameters;
  }
  // What forward hands to backward: a mean and an inverse deviation for each column.
  std::int64_t padded() const { return (cols_ + 15) / 16 * 16; }
  float* mean() const { return statistics_.as<float>(); }
  float* inverse() const { return mean() + padded(); }

  const ValueSpec input_;
  const std::int64_t features_, cols_;
  std::int64_t gamma_, beta_, moving_mean_, moving_variance_;  // in the arena, or in frozen_
  const float momentum_, epsilon_;
  const bool trainable_;
  AlignedBuffer statistics_, frozen_;
};

}  // namespace

std::unique_ptr<Node> make_batch_norm(const NodeSpec& spec) { return std::make_unique<BatchNorm>(spec); }

}  // namespace hotloop
