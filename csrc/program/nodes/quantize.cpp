// float32 -> uint8, for inference only.
//
// attributes  scale (float > 0), zero_point (int, 0 to 255): x is stored as x / scale + zero_point, rounded
// to
//             nearest even and clamped to 0..255 (ops/quantize/quantize.h says it to the bit)
// input       one float32 value; the output is uint8 with as many features
#include "ops/quantize/quantize.h"

#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Quantize final : public InferenceNode {
 public:
  explicit Quantize(const NodeSpec& spec)
      : features_(only_input(spec)),
        how_(checked_quantization(spec.real("scale"), spec.integer("zero_point"), "quantize")) {}

  ValueSpec output() const override { return {features_, DType::u8}; }
  void forward(const NodeRun& run) override {
    quantize_u8(run.in(), how_, run.out<std::uint8_t>(), run.rows * features_, run.team.share());
  }

 private:
  const std::int64_t features_;
  const Quantization how_;
};

}  // namespace

std::unique_ptr<Node> make_quantize(const NodeSpec& spec) { return std::make_unique<Quantize>(spec); }

}  // namespace hotloop
