// y = x0 + x1 + ...
#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Add final : public Node {
 public:
  explicit Add(const NodeSpec& spec)
      : input_(check_joined(spec, true)),
        features_(input_.features()),
        count_(static_cast<int>(spec.inputs.size())) {}

  std::vector<ValueSpec> outputs() const override { return {input_}; }
  NodeFacts facts() const override { return NodeFacts::of_gradients_alone(); }

  void forward(const NodeRun& run) override {
    add_forward(reinterpret_cast<const float* const*>(run.inputs), count_, run.out(), run.rows * features_,
                run.team.share());
  }

  void backward(const NodeRun& run) override {
    for (int i = 0; i < count_; ++i)
      if (run.input_gradients[i] != nullptr)
        copy_or_add(run.output_gradient(), run.input_gradients[i], run.accumulate[i], run.rows * features_,
                    run.team.share());
  }

 private:
  const ValueSpec input_;
  const std::int64_t features_;
  const int count_;
};

}  // namespace

std::unique_ptr<Node> make_add(const NodeSpec& spec) { return std::make_unique<Add>(spec); }

}  // namespace hotloop
