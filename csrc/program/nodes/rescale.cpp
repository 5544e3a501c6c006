// y = x * scale + offset
#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Rescale final : public Node {
 public:
  explicit Rescale(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        scale_(static_cast<float>(spec.real("scale"))),
        offset_(static_cast<float>(spec.real("offset", 0.0))) {}

  std::vector<ValueSpec> outputs() const override { return {input_}; }
  NodeFacts facts() const override { return NodeFacts::of_gradients_alone(); }

  void forward(const NodeRun& run) override {
    rescale_forward(run.in(), scale_, offset_, run.out(), run.rows * features_, run.team.share());
  }

  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] != nullptr)
      rescale_backward(run.output_gradient(), scale_, run.input_gradients[0], run.accumulate[0],
                       run.rows * features_, run.team.share());
  }

 private:
  const ValueSpec input_;
  const std::int64_t features_;
  const float scale_, offset_;
};

}  // namespace

std::unique_ptr<Node> make_rescale(const NodeSpec& spec) { return std::make_unique<Rescale>(spec); }

}  // namespace hotloop
