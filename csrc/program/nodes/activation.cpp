// An activation as an op of its own: attributes kind, alpha, beta and, for kinds along a row, last_axis.
#include "ops/activation/activation.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class ElementwiseNode final : public Node {
 public:
  ElementwiseNode(const ActivationArgs& args, std::int64_t features)
      : args_(args), features_(features), from_output_(derivative_from_output(args)) {}

  ValueSpec output() const override { return {features_, DType::f32}; }
  bool as_activation(ActivationArgs& activation) const override {
    activation = args_;
    return true;
  }
  bool join(RowStep& step) const override {
    if (step.product.b == nullptr || args_.kind != Activation::relu) return false;
    step.product.relu = true;  // a second time it would change nothing
    return true;
  }
  bool backward_reads_inputs() const override { return !from_output_; }
  bool backward_reads_output() const override { return from_output_; }

  void forward(const NodeRun& run) override {
    activation_forward(args_, run.in(), run.out(), run.rows * features_, run.team.share());
  }
  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] == nullptr) return;
    activation_backward(args_, from_output_ ? nullptr : run.in(), from_output_ ? run.out() : nullptr,
                        run.output_gradient, run.input_gradients[0], run.accumulate[0], run.rows * features_,
                        run.team.share());
  }

 private:
  ActivationArgs args_;
  std::int64_t features_;
  bool from_output_;
};

class RowNode final : public Node {
 public:
  RowNode(Activation kind, std::int64_t features, std::int64_t last_axis)
      : kind_(kind), features_(features), last_axis_(last_axis) {}

  ValueSpec output() const override {
    return {kind_ == Activation::glu ? features_ / 2 : features_, DType::f32};
  }
  bool as_activation(ActivationArgs& activation) const override {
    activation = {kind_};
    return last_axis_ == features_;
  }
  bool backward_reads_inputs() const override { return !derivative_from_output(kind_); }
  bool backward_reads_output() const override { return derivative_from_output(kind_); }

  void forward(const NodeRun& run) override {
    row_activation_forward(kind_, run.in(), run.out(), run.rows * (features_ / last_axis_), last_axis_,
                           run.team.share());
  }
  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] == nullptr) return;
    const bool from_output = derivative_from_output(kind_);
    row_activation_backward(kind_, from_output ? nullptr : run.in(), from_output ? run.out() : nullptr,
                            run.output_gradient, run.input_gradients[0], run.accumulate[0],
                            run.rows * (features_ / last_axis_), last_axis_, run.team.share());
  }

 private:
  Activation kind_;
  std::int64_t features_, last_axis_;
};

}  // namespace

std::unique_ptr<Node> make_activation(const NodeSpec& spec) {
  const std::int64_t features = only_input(spec);
  const std::string name = spec.text("kind");
  const Activation kind = activation_from_name(name.c_str());
  if (is_elementwise(kind)) return std::make_unique<ElementwiseNode>(activation_of(spec, name), features);
  const std::int64_t last_axis = last_axis_of(spec, features);
  require(kind != Activation::glu || last_axis % 2 == 0,
          "activation glu: expected a last axis of even size, which it halves, got ", last_axis);
  return std::make_unique<RowNode>(kind, features, last_axis);
}

}  // namespace hotloop
