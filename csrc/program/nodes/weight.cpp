// A parameter as a value without a batch axis, read where it lies.
//
// attributes  shape (list of int); trainable (int, default 1)
// parameters  value (as many numbers)
#include "base/aligned_buffer.h"
#include "ops/elementwise/elementwise.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Weight final : public Node {
 public:
  explicit Weight(const NodeSpec& spec)
      : shape_(spec.shape("shape")),
        size_(shape_.size()),
        at_(spec.parameter("value")),
        trainable_(spec.integer("trainable", 1) != 0) {
    no_inputs(spec);
  }

  std::vector<ValueSpec> outputs() const override { return {{shape_, DType::f32, false}}; }
  NodeFacts facts() const override {
    NodeFacts facts = NodeFacts::of_gradients_alone();
    facts.parameters = {{at_, size_}};
    facts.trainable = trainable_;
    facts.fixed = true;
    return facts;
  }

  bool freeze(const float* parameters) override {
    frozen_.reserve(size_ * size_of(DType::f32));
    copy_block(frozen_.as<float>(), parameters + at_, size_ * size_of(DType::f32));
    return true;
  }
  const void* fixed_output(const float* parameters) const override {
    return frozen_.bytes() > 0 ? frozen_.as<float>() : parameters + at_;
  }

  void forward(const NodeRun&) override {}
  void backward(const NodeRun& run) override {
    copy_or_add(run.output_gradient(), run.parameter_gradients + at_, run.accumulate_parameters[0], size_,
                run.team.share());
  }

 private:
  const Shape shape_;
  const std::int64_t size_, at_;
  const bool trainable_;
  AlignedBuffer frozen_;
};

}  // namespace

std::unique_ptr<Node> make_weight(const NodeSpec& spec) { return std::make_unique<Weight>(spec); }

}  // namespace hotloop
