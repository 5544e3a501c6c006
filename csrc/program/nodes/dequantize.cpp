// uint8 -> float32, for inference only.
//
// attributes  scale (float > 0), zero_point (int, 0 to 255): the byte q stands for (q - zero_point) * scale
// input       one uint8 value; the output is float32 with as many features
#include "ops/quantize/quantize.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Dequantize final : public InferenceNode {
 public:
  explicit Dequantize(const NodeSpec& spec)
      : input_(only_input(spec, DType::u8)),
        features_(input_.features()),
        how_(checked_quantization(spec.real("scale"), spec.integer("zero_point"), "dequantize")) {}

  std::vector<ValueSpec> outputs() const override { return {input_.typed(DType::f32)}; }
  void forward(const NodeRun& run) override {
    dequantize_u8(run.in<std::uint8_t>(), how_, run.out(), run.rows * features_, run.team.share());
  }

 private:
  const ValueSpec input_;
  const std::int64_t features_;
  const Quantization how_;
};

}  // namespace

std::unique_ptr<Node> make_dequantize(const NodeSpec& spec) { return std::make_unique<Dequantize>(spec); }

}  // namespace hotloop
