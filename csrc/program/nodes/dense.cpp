// y = act(x W + b) over the last axis, with W (last_axis x units) and b (units) in the arena.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "ops/activation/activation.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm/gemm.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Dense final : public Node {
 public:
  explicit Dense(const NodeSpec& spec)
      : features_(spec.inputs.at(0).features),
        units_(spec.integer("units")),
        last_axis_(spec.integer("last_axis")),
        kernel_(spec.parameter("kernel")),
        bias_(spec.parameter("bias", -1)),
        trainable_(spec.integer("trainable", 1) != 0) {
    require(spec.inputs[0].dtype == DType::f32, "dense: expected a float32 input");
    require(units_ > 0, "dense: expected units above zero, got ", units_);
    require(last_axis_ > 0 && features_ % last_axis_ == 0, "dense: expected a last axis that divides the ",
            features_, " features of its input, got ", last_axis_);
    activation_.kind = activation_from_name(spec.text("activation", "linear").c_str());
    activation_.alpha = static_cast<float>(spec.real("alpha", default_alpha(activation_.kind)));
    activation_.beta = static_cast<float>(spec.real("beta", 0.0));
    require(is_elementwise(activation_.kind) && derivative_from_output(activation_),
            "dense: expected an elementwise activation whose derivative follows from its output, got '",
            activation_name(activation_.kind), "' with alpha ", activation_.alpha, " and beta ",
            activation_.beta, "; add it as a node of its own");
  }

  ValueSpec output() const override { return {features_ / last_axis_ * units_, DType::f32}; }
  double work_per_row() const override { return static_cast<double>(features_ * units_); }
  bool has_trainable_parameters() const override { return trainable_; }
  bool backward_reads_inputs() const override { return trainable_; }
  bool backward_reads_output() const override { return activation_.kind != Activation::linear; }

  void prepare(std::int64_t max_rows, int threads, bool training) override {
    const std::int64_t rows = max_rows * (features_ / last_axis_);
    std::int64_t floats = gemm_workspace(product(rows, units_, last_axis_));
    if (training) {
      floats = std::max(floats, gemm_workspace(product(last_axis_, units_, rows)));
      floats = std::max(floats, gemm_workspace(product(rows, last_axis_, units_)));
    }
    floats_per_rank_ = std::max(floats_per_rank_, floats);
    workspace_.reserve(threads * floats_per_rank_ * size_of(DType::f32));
  }

  void forward(const NodeRun& run) override {
    GemmArgs args = product(run.rows * (features_ / last_axis_), units_, last_axis_);
    args.a = run.in(), args.a_row = last_axis_;
    args.b = run.parameters + kernel_, args.b_row = units_;
    args.c = run.out();
    args.bias = bias_ >= 0 ? run.parameters + bias_ : nullptr;
    args.activation = activation_;
    gemm(args, workspace(run), run.team.share());
  }

  void backward(const NodeRun& run) override {
    const std::int64_t rows = run.rows * (features_ / last_axis_);
    const float* dz = run.output_gradient;
    if (activation_.kind != Activation::linear) {
      activation_backward(activation_, nullptr, run.out(), dz, run.output_gradient_scratch, false,
                          rows * units_, run.team.share());
      dz = run.output_gradient_scratch;
      run.team.barrier();
    }
    if (trainable_) {
      if (bias_ >= 0)
        column_sum(dz, run.parameter_gradients + bias_, run.accumulate_parameters, rows, units_,
                   run.team.share());
      GemmArgs args = product(last_axis_, units_, rows);
      args.a = run.in(), args.a_row = 1, args.a_col = last_axis_;
      args.b = dz, args.b_row = units_;
      args.c = run.parameter_gradients + kernel_;
      args.accumulate = run.accumulate_parameters;
      gemm(args, workspace(run), run.team.share());
    }
    if (run.input_gradients[0] != nullptr) {
      GemmArgs args = product(rows, last_axis_, units_);
      args.a = dz, args.a_row = units_;
      args.b = run.parameters + kernel_, args.b_row = 1, args.b_col = units_;
      args.c = run.input_gradients[0];
      args.accumulate = run.accumulate[0];
      gemm(args, workspace(run), run.team.share());
    }
  }

 private:
  static GemmArgs product(std::int64_t m, std::int64_t n, std::int64_t k) {
    GemmArgs args;
    args.m = m, args.n = n, args.k = k, args.c_row = n;
    return args;
  }
  float* workspace(const NodeRun& run) const {
    return workspace_.as<float>(run.team.rank() * floats_per_rank_ * size_of(DType::f32));
  }

  const std::int64_t features_, units_, last_axis_, kernel_, bias_;
  const bool trainable_;
  ActivationArgs activation_{Activation::linear};
  std::int64_t floats_per_rank_ = 0;
  AlignedBuffer workspace_;
};

}  // namespace

std::unique_ptr<Node> make_dense(const NodeSpec& spec) { return std::make_unique<Dense>(spec); }

}  // namespace hotloop
