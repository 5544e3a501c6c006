// y = act(x W + b) over the last axis with W stored in bfloat16, for inference only: no gradient goes through
// it.
//
// attributes  units, last_axis (int); activation (any elementwise one, default "linear"), alpha, beta (float)
// arrays      weight  uint16 (last_axis * units): kernels.to_bf16 of the float32 kernel, row-major
//             bias    float32 (units), or absent
// input       one float32 value whose features last_axis divides; the output is float32
#include "base/error.h"
#include "ops/bf16/bf16.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class DenseBf16 final : public Node {
 public:
  explicit DenseBf16(const NodeSpec& spec)
      : features_(spec.inputs.at(0).features),
        last_axis_(spec.integer("last_axis")),
        units_(spec.integer("units")) {
    require(spec.inputs[0].dtype == DType::f32, "dense_bf16: expected a float32 input");
    require(units_ > 0, "dense_bf16: expected units above zero, got ", units_);
    require(last_axis_ > 0 && features_ % last_axis_ == 0,
            "dense_bf16: expected a last axis that divides the ", features_, " features of its input, got ",
            last_axis_);
    weights_ = static_cast<const std::uint16_t*>(spec.array("weight", DType::bf16, last_axis_ * units_).data);
    if (spec.arrays.count("bias"))
      bias_ = static_cast<const float*>(spec.array("bias", DType::f32, units_).data);
    activation_.kind = activation_from_name(spec.text("activation", "linear").c_str());
    activation_.alpha = static_cast<float>(spec.real("alpha", default_alpha(activation_.kind)));
    activation_.beta = static_cast<float>(spec.real("beta", 0.0));
    require(is_elementwise(activation_.kind), "dense_bf16: expected an elementwise activation, got '",
            activation_name(activation_.kind), "'; add it as a node of its own");
  }

  ValueSpec output() const override { return {features_ / last_axis_ * units_, DType::f32}; }
  double work_per_row() const override { return static_cast<double>(features_ * units_); }
  void forward(const NodeRun& run) override {
    GemmBf16Args args;
    args.m = run.rows * (features_ / last_axis_), args.n = units_, args.k = last_axis_;
    args.a = run.in(), args.a_row = last_axis_;
    args.weights = weights_, args.bias = bias_;
    args.c = run.out(), args.c_row = units_;
    args.activation = activation_;
    gemm_bf16(args, run.team.share());
  }
  void backward(const NodeRun&) override {}
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }

 private:
  const std::int64_t features_, last_axis_, units_;
  const std::uint16_t* weights_ = nullptr;
  const float* bias_ = nullptr;
  ActivationArgs activation_{Activation::linear};
};

}  // namespace

std::unique_ptr<Node> make_dense_bf16(const NodeSpec& spec) { return std::make_unique<DenseBf16>(spec); }

}  // namespace hotloop
