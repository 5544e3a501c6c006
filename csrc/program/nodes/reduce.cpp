// The sum, mean, largest or smallest number along some axes, or the place of the largest as int32.
//
// attributes  kind (text): sum, mean, max, min or argmax
//             axes (list of int): neighbours of a sample's axes, in ascending order
//             over_rows (int): 1 for the batch's axis too, with which axes begins at 0 or is empty; the
//             output then has no batch axis
//             keepdims (int): 1 where axes stay, of size 1
#include "ops/reduce/reduce.h"

#include <string>

#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class ReduceNode : public Node {
 public:
  explicit ReduceNode(const NodeSpec& spec)
      : input_(only_input(spec)), over_rows_(spec.integer("over_rows", 0) != 0), output_(input_) {
    const NodeSpec::Integers axes = spec.integers("axes", {});
    require(!over_rows_ || input_.batched, "reduce: the input has no batch axis to reduce");
    require(over_rows_ || !axes.empty(), "reduce: expected one axis or more");
    std::int64_t next = over_rows_ || axes.empty() ? 0 : axes[0];
    for (const std::int64_t axis : axes) {
      require(axis >= 0 && axis < input_.shape.rank(), "reduce: expected axes of a sample of shape ",
              input_.shape, ", got ", axis);
      require(axis == next++, "reduce: expected axes that are neighbours, in ascending order",
              over_rows_ ? ", from the batch's on" : "", "; reduce the others by another op");
    }
    const bool keep = spec.integer("keepdims", 0) != 0;
    const auto first = static_cast<int>(axes.empty() ? 0 : axes[0]);
    const int end = first + static_cast<int>(axes.size());
    output_.shape = {};
    for (int axis = 0; axis < input_.shape.rank(); ++axis) {
      const std::int64_t size = input_.shape[axis];
      const bool reduced = axis >= first && axis < end;
      (reduced ? sample_.n : axis < first ? sample_.outer : sample_.inner) *= size;
      if (!reduced || keep) output_.shape.push_back(reduced ? 1 : size);
    }
    output_.batched = input_.batched && !over_rows_;
  }

  std::vector<ValueSpec> outputs() const override { return {output_}; }
  NodeFacts facts() const override {
    NodeFacts facts = NodeFacts::of_gradients_alone();
    const auto numbers = static_cast<double>(input_.features());
    (input_.batched ? facts.work_per_row : facts.work_per_batch) = numbers;
    if (!input_.batched) facts.work_per_row = 0;
    facts.operations = numbers;
    return facts;
  }

 protected:
  ReduceShape shape(const NodeRun& run) const {
    ReduceShape shape = sample_;
    (over_rows_ ? shape.n : shape.outer) *= run.rows;
    return shape;
  }

  const ValueSpec input_;
  const bool over_rows_;
  ValueSpec output_;

 private:
  ReduceShape sample_{1, 1, 1};
};

class Reduce final : public ReduceNode {
 public:
  Reduce(const NodeSpec& spec, Reduction kind)
      : ReduceNode(spec), kind_(kind), finds_(kind == Reduction::max || kind == Reduction::min) {}

  NodeFacts facts() const override {
    NodeFacts facts = ReduceNode::facts();
    facts.backward_reads_inputs = finds_;
    return facts;
  }
  void forward(const NodeRun& run) override {
    reduce_forward(kind_, shape(run), run.in(), run.out(), run.team.share());
  }
  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] != nullptr)
      reduce_backward(kind_, shape(run), finds_ ? run.in() : nullptr, run.output_gradient(),
                      run.input_gradients[0], run.accumulate[0], run.team.share());
  }

 private:
  const Reduction kind_;
  const bool finds_;
};

class Argmax final : public ReduceNode {
 public:
  explicit Argmax(const NodeSpec& spec) : ReduceNode(spec) { output_.dtype = DType::i32; }

  NodeFacts facts() const override {
    NodeFacts facts = ReduceNode::facts();
    facts.gradient = GradientFlow::stopped;
    return facts;
  }
  void forward(const NodeRun& run) override {
    argmax(shape(run), run.in(), run.out<std::int32_t>(), run.team.share());
  }
  void backward(const NodeRun&) override {}
};

}  // namespace

std::unique_ptr<Node> make_reduce(const NodeSpec& spec) {
  const std::string kind = spec.text("kind");
  if (kind == "argmax") return std::make_unique<Argmax>(spec);
  return std::make_unique<Reduce>(spec, reduction_from_name(kind.c_str()));
}

}  // namespace hotloop
