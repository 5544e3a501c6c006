// y = x * scale + offset
#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Rescale final : public Node {
 public:
  explicit Rescale(const NodeSpec& spec)
      : features_(only_input(spec)),
        scale_(static_cast<float>(spec.real("scale"))),
        offset_(static_cast<float>(spec.real("offset", 0.0))) {}

  ValueSpec output() const override { return {features_, DType::f32}; }
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }

  void forward(const NodeRun& run) override {
    rescale_forward(run.in(), scale_, offset_, run.out(), run.rows * features_, run.team.share());
  }

  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] != nullptr)
      rescale_backward(run.output_gradient, scale_, run.input_gradients[0], run.accumulate[0],
                       run.rows * features_, run.team.share());
  }

 private:
  const std::int64_t features_;
  const float scale_, offset_;
};

}  // namespace

std::unique_ptr<Node> make_rescale(const NodeSpec& spec) { return std::make_unique<Rescale>(spec); }

}  // namespace hotloop
