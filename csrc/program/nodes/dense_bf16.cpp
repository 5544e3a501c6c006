// y = act(x W + b) over the last axis with W stored in bfloat16, for inference only.
//
// attributes  units, last_axis (int); activation (any elementwise one, default "linear"), alpha, beta (float)
// arrays      weight  uint16 (last_axis * units): kernels.to_bf16 of the float32 kernel, row-major
//             bias    float32 (units), or absent
// input       one float32 value whose features last_axis divides; the output is float32
#include "ops/bf16/bf16.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class DenseBf16 final : public InferenceNode {
 public:
  explicit DenseBf16(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        last_axis_(last_axis_of(spec, input_)),
        units_(units_of(spec)),
        activation_(fused_activation(spec)) {
    weights_ = static_cast<const std::uint16_t*>(spec.array("weight", DType::bf16, last_axis_ * units_).data);
    bias_ = spec.optional_floats("bias", units_);
  }

  std::vector<ValueSpec> outputs() const override {
    return {input_.shaped(with_last_axis(input_.shape, last_axis_, units_))};
  }
  void forward(const NodeRun& run) override {
    GemmBf16Args args;
    args.m = run.rows * (features_ / last_axis_), args.n = units_, args.k = last_axis_;
    args.a = run.in(), args.a_row = last_axis_;
    args.weights = weights_, args.bias = bias_;
    args.c = run.out(), args.c_row = units_;
    args.activation = activation_;
    gemm_bf16(args, run.team.share());
  }

 protected:
  NodeFacts inference_facts() const override {
    NodeFacts facts;
    facts.work_per_row = static_cast<double>(features_ * units_);
    facts.operations = 2 * facts.work_per_row;
    facts.constant_bytes = static_cast<double>(size_of(DType::bf16) * last_axis_ * units_);
    return facts;
  }

 private:
  const ValueSpec input_;
  const std::int64_t features_, last_axis_, units_;
  const ActivationArgs activation_;
  const std::uint16_t* weights_ = nullptr;
  const float* bias_ = nullptr;
};

}  // namespace

std::unique_ptr<Node> make_dense_bf16(const NodeSpec& spec) { return std::make_unique<DenseBf16>(spec); }

}  // namespace hotloop
