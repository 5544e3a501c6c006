// y = act(x W + b) over the last axis, as dense, with the products of training in bfloat16 on the tensor
// cores.
//
// attributes  those of dense
//
// W, b, their gradients and the optimizer's state stay float32, and so does every value between nodes. The
// forward pass rounds the input and W, and keeps both for the backward pass. Outside of training this is
// dense itself, and so it is for layers too narrow to gain: nothing there is rounded.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "ops/bf16/bf16.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm_tensor/gemm_tensor.h"
#include "program/nodes/dense_node.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class DenseMixed final : public Node {
 public:
  explicit DenseMixed(const NodeSpec& spec)
      : plain_(make_dense(spec)),
        features_(only_input(spec).features()),
        units_(units_of(spec)),
        last_axis_(last_axis_of(spec, only_input(spec))),
        kernel_(spec.parameter("kernel")),
        bias_(spec.parameter("bias", kNoParameter)),
        learns_(plain_->facts().trainable),
        activation_(fused_activation(spec)) {}

  std::vector<ValueSpec> outputs() const override { return plain_->outputs(); }
  NodeFacts facts() const override {
    NodeFacts facts = plain_->facts();
    facts.arithmetic = DType::bf16;
    facts.backward_reads_inputs = false;
    return facts;
  }

  void prepare(std::int64_t max_rows, int threads, bool training) override {
    plain_->prepare(max_rows, threads, training);
    if (!training) return;
    rounded_kernel_.reserve(size_of(DType::bf16) * last_axis_ * units_);
    if (learns_) rounded_input_.reserve(size_of(DType::bf16) * max_rows * features_);
  }
  // The rounded gradient of the output or, where it isn't kept, the rounded input.
  std::int64_t scratch(std::int64_t max_rows, int threads, bool training) const override {
    const std::int64_t plain = plain_->scratch(max_rows, threads, training);
    const std::int64_t widest = std::max(features_, features_ / last_axis_ * units_);
    return training ? std::max(plain, size_of(DType::bf16) * max_rows * widest) : plain;
  }
  bool freeze(const float* parameters) override { return plain_->freeze(parameters); }

  void forward(const NodeRun& run) override {
    if (!run.training) return plain_->forward(run);
    const Share share = run.team.share();
    auto* const x = learns_ ? input() : static_cast<std::uint16_t*>(run.scratch);
    to_bf16(run.in(), x, run.rows * features_, share);
    to_bf16(run.parameters + kernel_, kernel(), last_axis_ * units_, share);
    GemmTensorArgs args = product(rows_of(run), units_, last_axis_);
    args.a = x, args.lda = last_axis_;
    args.b = kernel(), args.ldb = units_;
    args.c = run.out();
    args.bias = bias_ != kNoParameter ? run.parameters + bias_ : nullptr;
    args.activation = activation_;
    gemm_tensor(TensorType::bf16, args);
  }

  void backward(const NodeRun& run) override {
    const std::int64_t rows = rows_of(run);
    const Share share = run.team.share();
    const float* dz = run.output_gradient();
    if (activation_.kind != Activation::linear) {
      activation_backward(activation_, nullptr, run.out(), dz, run.output_gradient_scratch(), false,
                          rows * units_, share);
      dz = run.output_gradient_scratch();
    }
    auto* const rounded = static_cast<std::uint16_t*>(run.scratch);
    to_bf16(dz, rounded, rows * units_, share);
    if (run.input_gradients[0] != nullptr) {
      GemmTensorArgs args = product(rows, last_axis_, units_);
      args.a = rounded, args.lda = units_;
      args.b = kernel(), args.ldb = units_, args.b_k_contiguous = true;
      args.c = run.input_gradients[0];
      args.accumulate = run.accumulate[0];
      gemm_tensor(TensorType::bf16, args);
    }
    if (!learns_) return;
    if (bias_ != kNoParameter)
      column_sum(dz, units_, run.parameter_gradients + bias_, run.accumulate_parameters[kBiasPlace], rows,
                 units_, share);
    GemmTensorArgs args = product(last_axis_, units_, rows);
    args.a = input(), args.lda = last_axis_, args.a_k_contiguous = false;
    args.b = rounded, args.ldb = units_;
    args.c = run.parameter_gradients + kernel_;
    args.accumulate = run.accumulate_parameters[kKernelPlace];
    gemm_tensor(TensorType::bf16, args);
  }

 private:
  std::int64_t rows_of(const NodeRun& run) const { return run.rows * (features_ / last_axis_); }
  std::uint16_t* kernel() const { return rounded_kernel_.as<std::uint16_t>(); }
  std::uint16_t* input() const { return rounded_input_.as<std::uint16_t>(); }
  static GemmTensorArgs product(std::int64_t m, std::int64_t n, std::int64_t k) {
    GemmTensorArgs args;
    args.m = m, args.n = n, args.k = k, args.ldc = n;
    return args;
  }

  const std::unique_ptr<Node> plain_;
  const std::int64_t features_, units_, last_axis_, kernel_, bias_;
  const bool learns_;
  const ActivationArgs activation_;
  AlignedBuffer rounded_kernel_, rounded_input_;  // of the step in progress
};

}  // namespace

std::unique_ptr<Node> make_dense_mixed(const NodeSpec& spec) {
  require(!spec.has_attribute("unit"), "dense_mixed: expected no unit on a GPU, got '", spec.text("unit", ""),
          "'; its tensor cores multiply");
  constexpr std::int64_t kWorthRounding = 64;
  if (std::min(units_of(spec), last_axis_of(spec, only_input(spec))) < kWorthRounding)
    return make_dense(spec);
  return std::make_unique<DenseMixed>(spec);
}

}  // namespace hotloop
