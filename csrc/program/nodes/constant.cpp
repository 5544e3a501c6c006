// An array as a value without a batch axis.
//
// attributes  shape (list of int)
// arrays      value (float32 or int32, as many numbers), which gives the output its type
#include "program/constants.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Constant final : public InferenceNode {
 public:
  explicit Constant(const NodeSpec& spec) : shape_(spec.shape("shape")), dtype_(spec.array("value").dtype) {
    no_inputs(spec);
    require(dtype_ == DType::f32 || dtype_ == DType::i32,
            "constant: expected an array of float32 or int32, got ", dtype_name(dtype_));
    const std::int64_t size = shape_.size();
    value_ = place_bytes(spec.array("value", dtype_, size).data, size * size_of(dtype_), placed_);
  }

  std::vector<ValueSpec> outputs() const override { return {{shape_, dtype_, false}}; }
  const void* fixed_output(const float*) const override { return value_; }
  void forward(const NodeRun&) override {}

 protected:
  NodeFacts inference_facts() const override {
    NodeFacts facts;
    facts.fixed = true;
    facts.constant_bytes = static_cast<double>(shape_.size() * size_of(dtype_));
    return facts;
  }

 private:
  const Shape shape_;
  const DType dtype_;
  const void* value_ = nullptr;
  AlignedBuffer placed_;  // see place
};

}  // namespace

std::unique_ptr<Node> make_constant(const NodeSpec& spec) { return std::make_unique<Constant>(spec); }

}  // namespace hotloop
