// Inverted dropout in training, nothing in inference. Backward draws forward's mask again.
#include "ops/dropout/dropout.h"

#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Dropout final : public Node {
 public:
  explicit Dropout(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        rate_(static_cast<float>(spec.real("rate"))),
        stream_(static_cast<std::uint32_t>(spec.integer("stream", 0))) {
    require(rate_ >= 0.0f && rate_ <= 1.0f, "dropout: expected a rate from 0 to 1, got ", rate_);
  }

  std::vector<ValueSpec> outputs() const override { return {input_}; }
  NodeFacts facts() const override { return NodeFacts::of_gradients_alone(); }

  void forward(const NodeRun& run) override { apply(run, run.in(), run.out(), false); }

  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] != nullptr)
      apply(run, run.output_gradient(), run.input_gradients[0], run.accumulate[0]);
  }

 private:
  void apply(const NodeRun& run, const float* x, float* y, bool accumulate) const {
    const std::int64_t n = run.rows * features_;
    if (run.training && rate_ > 0.0f)
      dropout({rate_, run.seed, run.step, stream_}, x, y, accumulate, n, run.team.share());
    else
      copy_or_add(x, y, accumulate, n, run.team.share());
  }

  const ValueSpec input_;
  const std::int64_t features_;
  const float rate_;
  const std::uint32_t stream_;
};

}  // namespace

std::unique_ptr<Node> make_dropout(const NodeSpec& spec) { return std::make_unique<Dropout>(spec); }

}  // namespace hotloop
