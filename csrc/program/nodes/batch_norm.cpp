// Batch normalisation over the last axis: with the batch's own statistics in training, with the moving ones
// in inference and where the layer is frozen.
#include "ops/norm/batch_norm.h"

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class BatchNorm final : public Node {
 public:
  explicit BatchNorm(const NodeSpec& spec)
      : features_(spec.inputs.at(0).features),
        cols_(spec.integer("last_axis")),
        gamma_(spec.parameter("gamma", -1)),
        beta_(spec.parameter("beta", -1)),
        moving_mean_(spec.parameter("moving_mean")),
        moving_variance_(spec.parameter("moving_variance")),
        momentum_(static_cast<float>(spec.real("momentum", 0.99))),
        epsilon_(static_cast<float>(spec.real("epsilon", 1e-3))),
        trainable_(spec.integer("trainable", 1) != 0) {
    require(spec.inputs[0].dtype == DType::f32, "batch_norm: expected a float32 input");
    require(cols_ > 0 && features_ % cols_ == 0, "batch_norm: expected a last axis that divides the ",
            features_, " features of its input, got ", cols_);
  }

  ValueSpec output() const override { return {features_, DType::f32}; }
  bool has_trainable_parameters() const override { return trainable_ && (gamma_ >= 0 || beta_ >= 0); }
  bool backward_reads_output() const override { return false; }

  void prepare(std::int64_t max_rows, int threads, bool training) override {
    (void)max_rows, (void)threads;
    if (training) statistics_.reserve(2 * padded() * size_of(DType::f32));
  }

  void forward(const NodeRun& run) override {
    if (uses_batch(run))
      batch_norm_train(args(run), run.in(), run.out(), run.parameters + moving_mean_,
                       run.parameters + moving_variance_, mean(), inverse(), run.team.share());
    else
      batch_norm_infer(args(run), run.in(), run.parameters + moving_mean_, run.parameters + moving_variance_,
                       run.out(), run.team.share());
  }

  void backward(const NodeRun& run) override {
    BatchNormGradients gradients;
    gradients.dx = run.input_gradients[0];
    gradients.accumulate = gradients.dx != nullptr && run.accumulate[0];
    gradients.dgamma = trainable_ && gamma_ >= 0 ? run.parameter_gradients + gamma_ : nullptr;
    gradients.dbeta = trainable_ && beta_ >= 0 ? run.parameter_gradients + beta_ : nullptr;
    gradients.accumulate_parameters = run.accumulate_parameters;
    if (uses_batch(run))
      batch_norm_train_backward(args(run), run.in(), run.output_gradient, mean(), inverse(), gradients,
                                run.team.share());
    else
      batch_norm_infer_backward(args(run), run.in(), run.output_gradient, run.parameters + moving_mean_,
                                run.parameters + moving_variance_, gradients, run.team.share());
  }

 private:
  bool uses_batch(const NodeRun& run) const { return run.training && trainable_; }
  BatchNormArgs args(const NodeRun& run) const {
    BatchNormArgs args;
    args.rows = run.rows * (features_ / cols_);
    args.cols = cols_;
    args.epsilon = epsilon_;
    args.momentum = momentum_;
    args.gamma = gamma_ >= 0 ? run.parameters + gamma_ : nullptr;
    args.beta = beta_ >= 0 ? run.parameters + beta_ : nullptr;
    return args;
  }
  // What forward hands to backward: a mean and an inverse deviation for each column.
  std::int64_t padded() const { return (cols_ + 15) / 16 * 16; }
  float* mean() const { return statistics_.as<float>(); }
  float* inverse() const { return mean() + padded(); }

  const std::int64_t features_, cols_, gamma_, beta_, moving_mean_, moving_variance_;
  const float momentum_, epsilon_;
  const bool trainable_;
  AlignedBuffer statistics_;
};

}  // namespace

std::unique_ptr<Node> make_batch_norm(const NodeSpec& spec) { return std::make_unique<BatchNorm>(spec); }

}  // namespace hotloop
