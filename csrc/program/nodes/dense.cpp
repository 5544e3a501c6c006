// y = act(x W + b) over the last axis, with W (last_axis x units) and b (units) in the arena.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "ops/activation/activation.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm/gemm.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Dense final : public Node {
 public:
  explicit Dense(const NodeSpec& spec)
      : features_(only_input(spec)),
        units_(units_of(spec)),
        last_axis_(last_axis_of(spec, features_)),
        kernel_(spec.parameter("kernel")),
        bias_(spec.parameter("bias", kNoParameter)),
        trainable_(spec.integer("trainable", 1) != 0),
        activation_(fused_activation(spec)) {
    require(derivative_from_output(activation_),
            "dense: expected an activation whose derivative follows from its output, got '",
            activation_name(activation_.kind), "' with alpha ", activation_.alpha, " and beta ",
            activation_.beta, "; add it as a node of its own");
  }

  ValueSpec output() const override { return {features_ / last_axis_ * units_, DType::f32}; }
  double work_per_row() const override { return static_cast<double>(features_ * units_); }
  std::vector<Stretch> parameters() const override {
    std::vector<Stretch> all{{kernel_, last_axis_ * units_}};
    if (bias_ != kNoParameter) all.push_back({bias_, units_});
    return all;
  }
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
    args.bias = bias_ != kNoParameter ? run.parameters + bias_ : nullptr;
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
      if (bias_ != kNoParameter)
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
  const ActivationArgs activation_;
  std::int64_t floats_per_rank_ = 0;
  AlignedBuffer workspace_;
};

}  // namespace

std::unique_ptr<Node> make_dense(const NodeSpec& spec) { return std::make_unique<Dense>(spec); }

}  // namespace hotloop
