// float32 -> uint8, for inference only: no gradient goes through it.
//
// attributes  scale (float > 0), zero_point (int, 0 to 255): x is stored as x / scale + zero_point, rounded
// to
//             nearest even and clamped to 0..255 (ops/quantize/quantize.h says it to the bit)
// input       one float32 value; the output is uint8 with as many features
#include "ops/quantize/quantize.h"

#include "base/error.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Quantize final : public Node {
 public:
  explicit Quantize(const NodeSpec& spec)
      : features_(spec.inputs.at(0).features),
        how_(checked_quantization(spec.real("scale"), spec.integer("zero_point"), "quantize")) {
    require(spec.inputs[0].dtype == DType::f32, "quantize: expected a float32 input");
  }

  ValueSpec output() const override { return {features_, DType::u8}; }
  void forward(const NodeRun& run) override {
    quantize_u8(run.in(), how_, run.out<std::uint8_t>(), run.rows * features_, run.team.share());
  }
  void backward(const NodeRun&) override {}
  bool backward_reads_inputs() const override { return false; }
  bool backward_reads_output() const override { return false; }

 private:
  const std::int64_t features_;
  const Quantization how_;
};

}  // namespace

std::unique_ptr<Node> make_quantize(const NodeSpec& spec) { return std::make_unique<Quantize>(spec); }

}  // namespace hotloop
