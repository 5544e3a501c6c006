// What a dense layer is on either device: its description, and the products that it is made of.
//
// attributes  units, last_axis (int); activation (one whose derivative follows from its output, default
//             "linear"), alpha, beta (float); trainable (int, default 1)
//             precision (text): "float32" (default), or "tf32" for products of training on a GPU's tensor
//             cores, which on a CPU is float32
// parameters  kernel (last_axis x units), bias (units) or none
#pragma once
#include <string>

#include "ops/activation/activation.h"
#include "ops/gemm/gemm.h"
#include "program/nodes/checks.h"

namespace hotloop {

constexpr int kKernelPlace = 0, kBiasPlace = 1;  // among the parameters that its facts name

class DenseNode : public Node {
 public:
  explicit DenseNode(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        units_(units_of(spec)),
        last_axis_(last_axis_of(spec, input_)),
        kernel_(spec.parameter("kernel")),
        bias_(spec.parameter("bias", kNoParameter)),
        trainable_(spec.integer("trainable", 1) != 0),
        activation_(fused_activation(spec)) {
    const std::string precision = spec.text("precision", "float32");
    require(precision == "float32" || precision == "tf32",
            "dense: expected precision 'float32' or 'tf32', got '", precision, "'");
    tf32_ = precision == "tf32";
    require(derivative_from_output(activation_),
            "dense: expected an activation whose derivative follows from its output, got '",
            activation_name(activation_.kind), "' with alpha ", activation_.alpha, " and beta ",
            activation_.beta, "; add it as a node of its own");
  }

  std::vector<ValueSpec> outputs() const final {
    return {input_.shaped(with_last_axis(input_.shape, last_axis_, units_))};
  }
  NodeFacts facts() const override {
    NodeFacts facts;
    facts.work_per_row = static_cast<double>(features_ * units_);
    facts.operations = 2 * facts.work_per_row;
    facts.parameter_operations = trainable_ ? facts.operations : 0;
    facts.parameters = {{kernel_, last_axis_ * units_}};
    if (bias_ != kNoParameter) facts.parameters.push_back({bias_, units_});
    facts.trainable = trainable_;
    facts.backward_reads_inputs = trainable_;
    facts.backward_reads_outputs = activation_.kind != Activation::linear;
    return facts;
  }

 protected:
  static GemmArgs product(std::int64_t m, std::int64_t n, std::int64_t k) {
    GemmArgs args;
    args.m = m, args.n = n, args.k = k, args.c_row = n;
    return args;
  }

  const ValueSpec input_;
  const std::int64_t features_, units_, last_axis_, kernel_, bias_;
  const bool trainable_;
  bool tf32_ = false;  // asked for: on a GPU, products of training on the tensor cores
  const ActivationArgs activation_;
};

}  // namespace hotloop
