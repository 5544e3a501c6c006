// An activation as an op of its own.
//
// attributes  kind (text); alpha, beta (float), for the elementwise kinds that have them; last_axis (int),
// for
//             those along an axis
#include "ops/activation/activation.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class ElementwiseNode final : public Node {
 public:
  ElementwiseNode(const ActivationArgs& args, const ValueSpec& input)
      : args_(args), input_(input), features_(input.features()), from_output_(derivative_from_output(args)) {}

  std::vector<ValueSpec> outputs() const override { return {input_}; }
  NodeFacts facts() const override {
    NodeFacts facts;
    facts.backward_reads_inputs = !from_output_;
    facts.backward_reads_outputs = from_output_;
    return facts;
  }
  bool as_activation(ActivationArgs& activation) const override {
    activation = args_;
    return true;
  }
  bool join(RowStep& step) const override {
    if (step.product.b == nullptr || args_.kind != Activation::relu) return false;
    step.product.relu = true;  // a second time it would change nothing
    return true;
  }

  void forward(const NodeRun& run) override {
    activation_forward(args_, run.in(), run.out(), run.rows * features_, run.team.share());
  }
  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] == nullptr) return;
    activation_backward(args_, from_output_ ? nullptr : run.in(), from_output_ ? run.out() : nullptr,
                        run.output_gradient(), run.input_gradients[0], run.accumulate[0],
                        run.rows * features_, run.team.share());
  }

 private:
  ActivationArgs args_;
  ValueSpec input_;
  std::int64_t features_;
  bool from_output_;
};

class RowNode final : public Node {
 public:
  RowNode(Activation kind, const ValueSpec& input, std::int64_t last_axis)
      : kind_(kind), input_(input), features_(input.features()), last_axis_(last_axis) {}

  std::vector<ValueSpec> outputs() const override {
    const std::int64_t size = kind_ == Activation::glu ? last_axis_ / 2 : last_axis_;
    return {size == last_axis_ ? input_ : input_.shaped(with_last_axis(input_.shape, last_axis_, size))};
  }
  NodeFacts facts() const override {
    NodeFacts facts;
    facts.backward_reads_inputs = !derivative_from_output({kind_});
    facts.backward_reads_outputs = derivative_from_output({kind_});
    return facts;
  }
  bool as_activation(ActivationArgs& activation) const override {
    activation = {kind_};
    return last_axis_ == features_;
  }

  void forward(const NodeRun& run) override {
    row_activation_forward(kind_, run.in(), run.out(), run.rows * (features_ / last_axis_), last_axis_,
                           run.team.share());
  }
  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] == nullptr) return;
    const bool from_output = derivative_from_output({kind_});
    row_activation_backward(kind_, from_output ? nullptr : run.in(), from_output ? run.out() : nullptr,
                            run.output_gradient(), run.input_gradients[0], run.accumulate[0],
                            run.rows * (features_ / last_axis_), last_axis_, run.team.share());
  }

 private:
  Activation kind_;
  ValueSpec input_;
  std::int64_t features_, last_axis_;
};

}  // namespace

std::unique_ptr<Node> make_activation(const NodeSpec& spec) {
  const ValueSpec& input = only_input(spec);
  const std::string name = spec.text("kind");
  const Activation kind = activation_from_name(name.c_str());
  if (is_elementwise(kind)) {
    spec.ignore_attributes({"last_axis"});
    return std::make_unique<ElementwiseNode>(activation_of(spec, name), input);
  }
  spec.ignore_attributes({"alpha", "beta"});
  const std::int64_t last_axis = last_axis_of(spec, input);
  require(kind != Activation::glu || last_axis % 2 == 0,
          "activation glu: expected a last axis of even size, which it halves, got ", last_axis);
  return std::make_unique<RowNode>(kind, input, last_axis);
}

}  // namespace hotloop
