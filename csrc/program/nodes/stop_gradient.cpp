// y = x, of float32 or int32, and x gets no gradient for it.
#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class StopGradient final : public Node {
 public:
  explicit StopGradient(const NodeSpec& spec) : input_(only_words(spec)) {}

  std::vector<ValueSpec> outputs() const override { return {input_}; }
  NodeFacts facts() const override {
    NodeFacts facts = NodeFacts::of_gradients_alone();
    facts.gradient = GradientFlow::stopped;
    return facts;
  }
  void forward(const NodeRun& run) override {
    copy_or_add(run.in(), run.out(), false, run.rows * input_.features(), run.team.share());
  }
  void backward(const NodeRun&) override {}

 private:
  const ValueSpec input_;
};

}  // namespace

std::unique_ptr<Node> make_stop_gradient(const NodeSpec& spec) {
  return std::make_unique<StopGradient>(spec);
}

}  // namespace hotloop
