// Part of each sample, of float32 or int32: along every axis `size` numbers from `begin` on, `step` apart.
//
// attributes  begin, size (lists of int, one an axis); step (likewise, by default 1; below zero it goes
//             backwards)
#include <utility>

#include "ops/strided/strided_copy.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Slice final : public Node {
 public:
  explicit Slice(const NodeSpec& spec) : input_(only_words(spec)), output_(input_) {
    const auto rank = static_cast<std::size_t>(input_.shape.rank());
    const NodeSpec::Integers begin = spec.integers("begin"), size = spec.integers("size"),
                             step = spec.integers("step", NodeSpec::Integers(rank, 1));
    require(begin.size() == rank && size.size() == rank && step.size() == rank, "slice: expected ", rank,
            " numbers as begin, size and step, for samples of shape ", input_.shape, ", got ", begin.size(),
            ", ", size.size(), " and ", step.size());
    std::int64_t from = 1, to = 1;
    for (std::size_t i = rank; i-- > 0;) {
      const auto axis = static_cast<int>(i);
      const std::int64_t all = input_.shape[axis];
      require(begin[i] >= 0 && begin[i] < all && size[i] >= 1 && size[i] <= all && step[i] >= -all &&
                  step[i] <= all && step[i] != 0,
              "slice: expected a part of axis ", axis, " of size ", all, ", got size ", size[i], " from ",
              begin[i], " in steps of ", step[i]);
      const std::int64_t last = begin[i] + (size[i] - 1) * step[i];
      require(last >= 0 && last < all, "slice: axis ", axis, " of size ", all, " has no number ", last,
              ", the last of ", size[i], " from ", begin[i], " in steps of ", step[i]);
      output_.shape[axis] = size[i];
      offset_ += begin[i] * from;
      sample_.add(size[i], step[i] * from, to);
      from *= all, to *= size[i];
    }
  }

  std::vector<ValueSpec> outputs() const override { return {output_}; }
  NodeFacts facts() const override { return NodeFacts::of_gradients_alone(); }

  void forward(const NodeRun& run) override {
    StridedCopy all = sample_;
    all.add(run.rows, input_.features(), output_.features());
    strided_copy(simplified(all), run.in() + offset_, run.out(), false, run.team.share());
  }

  void backward(const NodeRun& run) override {
    float* const dx = run.input_gradients[0];
    if (dx == nullptr) return;
    // Whole samples for each rank: it clears what it then writes to.
    const Range mine = run.team.share().of(run.rows);
    const std::int64_t rows = mine.end - mine.begin, features = input_.features();
    if (!run.accumulate[0]) clear(dx + mine.begin * features, rows * features, Share{});
    StridedCopy all = sample_;
    all.add(rows, features, output_.features());
    std::swap(all.from, all.to);
    strided_copy(simplified(all), run.output_gradient() + mine.begin * output_.features(),
                 dx + mine.begin * features + offset_, run.accumulate[0], Share{});
  }

 private:
  const ValueSpec input_;
  ValueSpec output_;
  StridedCopy sample_;
  std::int64_t offset_ = 0;
};

}  // namespace

std::unique_ptr<Node> make_slice(const NodeSpec& spec) { return std::make_unique<Slice>(spec); }

}  // namespace hotloop
