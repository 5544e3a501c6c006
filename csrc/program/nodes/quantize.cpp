// float32 -> uint8, for inference only.
//
// attributes  scale (float > 0), zero_point (int, 0 to 255): x is stored as x / scale + zero_point, rounded
// to
//             nearest even and clamped to 0..255 (ops/quantize/quantize.h says it to the bit)
//             last_axis (int), instead of the two, with the arrays
// arrays      scale, offset (float32, last_axis): column c of the last axis is stored as (x - offset[c]) /
//             scale[c], rounded and clamped like that
// input       one float32 value; the output is uint8 with as many features
#include "ops/quantize/quantize.h"

#include <vector>

#include "program/constants.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Quantize final : public InferenceNode {
 public:
  explicit Quantize(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        how_(checked_quantization(spec.real("scale"), spec.integer("zero_point"), "quantize")) {}

  std::vector<ValueSpec> outputs() const override { return {input_.typed(DType::u8)}; }
  void forward(const NodeRun& run) override {
    quantize_u8(run.in(), how_, run.out<std::uint8_t>(), run.rows * features_, run.team.share());
  }

 private:
  const ValueSpec input_;
  const std::int64_t features_;
  const Quantization how_;
};

class QuantizeColumns final : public InferenceNode {
 public:
  explicit QuantizeColumns(const NodeSpec& spec)
      : input_(only_input(spec)),
        features_(input_.features()),
        cols_(last_axis_of(spec, input_)),
        inverse_(static_cast<std::size_t>(cols_)) {
    const auto* scale = static_cast<const float*>(spec.array("scale", DType::f32, cols_).data);
    const auto* offset = static_cast<const float*>(spec.array("offset", DType::f32, cols_).data);
    checked_columns(scale, offset, cols_, "quantize", inverse_.data());
    inverse_there_ = place(inverse_.data(), cols_, placed_inverse_);
    offset_there_ = place(offset, cols_, placed_offset_);
  }

  std::vector<ValueSpec> outputs() const override { return {input_.typed(DType::u8)}; }
  void forward(const NodeRun& run) override {
    quantize_columns_u8(run.in(), run.rows * (features_ / cols_), cols_, inverse_there_, offset_there_,
                        run.out<std::uint8_t>(), run.team.share());
  }

 protected:
  NodeFacts inference_facts() const override {
    NodeFacts facts;
    facts.constant_bytes = 2.0 * size_of(DType::f32) * static_cast<double>(cols_);
    return facts;
  }

 private:
  const ValueSpec input_;
  const std::int64_t features_, cols_;
  std::vector<float> inverse_;
  const float *inverse_there_, *offset_there_;
  AlignedBuffer placed_inverse_, placed_offset_;  // see place
};

}  // namespace

std::unique_ptr<Node> make_quantize(const NodeSpec& spec) {
  if (spec.has_array("scale")) return std::make_unique<QuantizeColumns>(spec);
  return std::make_unique<Quantize>(spec);
}

}  // namespace hotloop
