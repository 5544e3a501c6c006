// Inputs side by side along the last axis: at each of `positions` places of a sample (by default as many as
// its shape has before the last axis), input 0's columns, then input 1's, and so on.
#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Concat final : public Node {
 public:
  explicit Concat(const NodeSpec& spec)
      : input_(check_joined(spec, false, true)),
        positions_(spec.integer("positions", input_.features() / input_.shape.last())) {
    require(positions_ > 0, "concat: expected positions above zero, got ", positions_);
    for (const ValueSpec& input : spec.inputs) {
      require(input.features() % positions_ == 0, "concat: expected inputs of a multiple of ", positions_,
              " features, got ", input.features());
      cols_.push_back(input.features() / positions_);
      width_ += cols_.back();
    }
  }

  std::vector<ValueSpec> outputs() const override {
    return {input_.shaped(with_last_axis(input_.shape, cols_[0], width_))};
  }
  NodeFacts facts() const override { return NodeFacts::of_gradients_alone(); }

  void forward(const NodeRun& run) override {
    float* y = run.out();
    for (std::size_t i = 0; i < cols_.size(); y += cols_[i++])
      copy_columns(run.in(static_cast<int>(i)), cols_[i], y, width_, run.rows * positions_, cols_[i], false,
                   run.team.share());
  }

  void backward(const NodeRun& run) override {
    const float* dy = run.output_gradient();
    for (std::size_t i = 0; i < cols_.size(); dy += cols_[i++])
      if (run.input_gradients[i] != nullptr)
        copy_columns(dy, width_, run.input_gradients[i], cols_[i], run.rows * positions_, cols_[i],
                     run.accumulate[i], run.team.share());
  }

 private:
  const ValueSpec input_;
  const std::int64_t positions_;
  std::vector<std::int64_t> cols_;  // of each input, at one position
  std::int64_t width_ = 0;
};

}  // namespace

std::unique_ptr<Node> make_concat(const NodeSpec& spec) { return std::make_unique<Concat>(spec); }

}  // namespace hotloop
