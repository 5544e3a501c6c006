// What a dense layer is on either device: its description, and the products that it is made of.
#pragma once
#include "ops/activation/activation.h"
#include "ops/gemm/gemm.h"
#include "program/nodes/checks.h"

namespace hotloop {

class DenseNode : public Node {
 public:
  explicit DenseNode(const NodeSpec& spec)
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

  ValueSpec output() const final { return {features_ / last_axis_ * units_, DType::f32}; }
  double work_per_row() const final { return static_cast<double>(features_ * units_); }
  double forward_operations(std::int64_t rows) const final {
    return 2.0 * static_cast<double>(rows) * work_per_row();
  }
  double backward_operations(std::int64_t rows, int wanted) const final {
    return (wanted + (trainable_ ? 1 : 0)) * forward_operations(rows);
  }
  std::vector<Stretch> parameters() const final {
    std::vector<Stretch> all{{kernel_, last_axis_ * units_}};
    if (bias_ != kNoParameter) all.push_back({bias_, units_});
    return all;
  }
  bool has_trainable_parameters() const final { return trainable_; }
  bool backward_reads_inputs() const final { return trainable_; }
  bool backward_reads_output() const final { return activation_.kind != Activation::linear; }

 protected:
  static GemmArgs product(std::int64_t m, std::int64_t n, std::int64_t k) {
    GemmArgs args;
    args.m = m, args.n = n, args.k = k, args.c_row = n;
    return args;
  }

  const std::int64_t features_, units_, last_axis_, kernel_, bias_;
  const bool trainable_;
  const ActivationArgs activation_;
};

}  // namespace hotloop
