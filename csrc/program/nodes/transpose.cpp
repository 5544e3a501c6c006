// A sample's axes in another order, of float32 or int32.
//
// attributes  axes (list of int): for each axis of the output, which of the input's it is
#include <utility>

#include "ops/strided/strided_copy.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Transpose final : public Node {
 public:
  explicit Transpose(const NodeSpec& spec) : input_(only_words(spec)), output_(input_) {
    const NodeSpec::Integers axes = spec.integers("axes");
    const int rank = input_.shape.rank();
    require(static_cast<int>(axes.size()) == rank, "transpose: expected ", rank,
            " axes for samples of shape ", input_.shape, ", got ", axes.size());
    std::int64_t from[Shape::kMostAxes], to = 1, step = 1;
    for (int axis = rank - 1; axis >= 0; --axis) from[axis] = step, step *= input_.shape[axis];
    bool taken[Shape::kMostAxes] = {};
    for (int axis = rank - 1; axis >= 0; --axis) {
      const std::int64_t source = axes[static_cast<std::size_t>(axis)];
      require(source >= 0 && source < rank && !taken[source], "transpose: expected each axis from 0 to ",
              rank - 1, " once, got ", source);
      taken[source] = true;
      output_.shape[axis] = input_.shape[static_cast<int>(source)];
      sample_.add(output_.shape[axis], from[source], to);
      to *= output_.shape[axis];
    }
  }

  std::vector<ValueSpec> outputs() const override { return {output_}; }
  NodeFacts facts() const override { return NodeFacts::of_gradients_alone(); }

  void forward(const NodeRun& run) override {
    strided_copy(copy(run.rows, false), run.in(), run.out(), false, run.team.share());
  }
  void backward(const NodeRun& run) override {
    if (run.input_gradients[0] != nullptr)
      strided_copy(copy(run.rows, true), run.output_gradient(), run.input_gradients[0], run.accumulate[0],
                   run.team.share());
  }

 private:
  StridedCopy copy(std::int64_t rows, bool back) const {
    StridedCopy all = sample_;
    all.add(rows, input_.features(), input_.features());
    if (back) std::swap(all.from, all.to);
    return simplified(all);
  }

  const ValueSpec input_;
  ValueSpec output_;
  StridedCopy sample_;
};

}  // namespace

std::unique_ptr<Node> make_transpose(const NodeSpec& spec) { return std::make_unique<Transpose>(spec); }

}  // namespace hotloop
