// float32 to int32: towards zero, to the nearest there is where it does not fit, NaN to 0.
//
// attributes  dtype (text): "int32"
#include "ops/cast/cast.h"

#include <string>

#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Cast final : public Node {
 public:
  explicit Cast(const NodeSpec& spec) : input_(only_input(spec)) {
    const std::string dtype = spec.text("dtype");
    require(dtype == "int32", "cast: expected dtype 'int32', got '", dtype, "'");
  }

  std::vector<ValueSpec> outputs() const override { return {input_.typed(DType::i32)}; }
  NodeFacts facts() const override {
    NodeFacts facts = NodeFacts::of_gradients_alone();
    facts.gradient = GradientFlow::stopped;
    return facts;
  }
  void forward(const NodeRun& run) override {
    cast_to_int(run.in(), run.out<std::int32_t>(), run.rows * input_.features(), run.team.share());
  }
  void backward(const NodeRun&) override {}

 private:
  const ValueSpec input_;
};

}  // namespace

std::unique_ptr<Node> make_cast(const NodeSpec& spec) { return std::make_unique<Cast>(spec); }

}  // namespace hotloop
