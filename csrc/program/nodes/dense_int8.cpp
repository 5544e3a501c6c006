// y = act(x W + b) over the last axis in int8, for inference only.
//
// attributes  units, last_axis (int; last_axis at most 65536)
//             activation (any elementwise one, default "linear"), alpha, beta (float)
//             dynamic = 0 (default): the input is uint8; in_scale (float) and in_zero_point (int) say what
//               its bytes mean; output = "uint8" (default) with out_scale, out_zero_point, or "float32",
//               where those two are not looked at
//             dynamic = 1: the input is float32, each of its rows is quantised by its own range, and the
//               output is float32; in_*, out_* and output are not looked at
// arrays      weight  int8 (kernels.pack_weights(w).data of w (last_axis, units)), with
//             scale   float32 (units): column j of the real kernel is w[:, j] * scale[j], scale[j] > 0
//             bias    float32 (units), or absent: the real layer's bias
// So kernels.quantize_weights, pack_weights and the layer's own bias are all that is needed; folding the zero
// point and the scales is done here. The arithmetic, to the bit, is GemmInt8Args's in
// ops/gemm_int8/gemm_int8.h with
//   bias32[j] = rne(bias[j] / (in_scale * scale[j])) - in_zero_point * sum of column j, in double, and
//   for float32 output, or an activation other than linear and relu:
//     scale[j] = float(in_scale * scale[j]) and out_inverse_scale = 1 / out_scale
//   else: scale[j] = float(in_scale * scale[j] / out_scale) and out_inverse_scale = 1
#include <atomic>
#include <string>
#include <vector>

#include "ops/gemm_int8/gemm_int8.h"
#include "ops/quantize/quantize.h"
#include "program/constants.h"
#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class DenseInt8 final : public InferenceNode {
 public:
  explicit DenseInt8(const NodeSpec& spec)
      : dynamic_(spec.integer("dynamic", 0) != 0),
        input_(only_input(spec, dynamic_ ? DType::f32 : DType::u8)),
        features_(input_.features()),
        last_axis_(last_axis_of(spec, input_)),
        units_(units_of(spec)),
        turns_(packed_size_s8(last_axis_, units_) >= kLargerThanCache) {
    require(last_axis_ <= kLargestInt8Depth, "dense_int8: expected a last axis of at most ",
            kLargestInt8Depth, ", so that no int32 sum overflows, got ", last_axis_);
    args_.activation = fused_activation(spec);
    args_.n = units_, args_.k = args_.a_row = last_axis_, args_.c_row = units_;
    const auto* weights = static_cast<const std::int8_t*>(
        spec.array("weight", DType::i8, packed_size_s8(last_axis_, units_)).data);
    const auto* scale = static_cast<const float*>(spec.array("scale", DType::f32, units_).data);
    const float* bias = spec.optional_floats("bias", units_);
    if (dynamic_) {
      spec.ignore_attributes({"in_scale", "in_zero_point", "out_scale", "out_zero_point", "output"});
      prepare_dynamic(weights, scale, bias);
    } else {
      spec.ignore_attributes({"out_scale", "out_zero_point"});
      prepare_static(spec, weights, scale, bias);
    }
    args_.weights = place_weights_s8(weights, last_axis_, units_, placed_weights_);
    args_.weights_are_placed = true;
  }

  std::vector<ValueSpec> outputs() const override {
    return {input_.shaped(with_last_axis(input_.shape, last_axis_, units_))
                .typed(args_.output == Int8Output::u8 ? DType::u8 : DType::f32)};
  }

  std::int64_t scratch(std::int64_t max_rows, int, bool) const override {
    return dynamic_ ? max_rows * (features_ / last_axis_) * kQuantizedRow + aligned_bytes(max_rows) : 0;
  }

  bool join(RowStep& step) const override {
    if (step.run != nullptr || dynamic_ || turns_ || features_ != last_axis_) return false;
    step.int8 = args_;
    step.int8.m = 1;
    step.run = [](const RowStep& all, const void* x, void* y) {
      GemmInt8Args args = all.int8;
      args.a = static_cast<const std::uint8_t*>(x), args.c = y;
      gemm_int8(args, Share{});
    };
    return true;
  }

  void forward(const NodeRun& run) override {
    GemmInt8Args args = args_;
    args.m = run.rows * (features_ / last_axis_);
    args.c = run.out<void>();
    if (dynamic_) {
      auto* bytes = static_cast<std::uint8_t*>(run.scratch);
      auto* scales = reinterpret_cast<float*>(bytes + aligned_bytes(run.rows));
      auto* zero_points = reinterpret_cast<std::int32_t*>(scales + args.m);
      quantize_rows_u8(run.in(), args.m, last_axis_, bytes, scales, zero_points, run.team.share());
      run.team.barrier();
      args.a = bytes;
      args.row_scale = scales;
      args.row_zero_point = zero_points;
    } else {
      args.a = run.in<std::uint8_t>();
    }
    // Few rows wait for the weights, not for their products.
    if (args.m <= kFewRows && turns_ && run.team.size() == 1)
      args.backwards =
          forwards_.exchange(!forwards_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    gemm_int8(args, run.team.share());
  }

 protected:
  NodeFacts inference_facts() const override {
    NodeFacts facts;
    const auto products = static_cast<double>(features_ * units_);
    facts.work_per_row = products / 4;  // a vector instruction does four times those of float32
    facts.operations = 2 * products;
    facts.arithmetic = DType::i8;
    // Weights, and a scale and a bias or a sum for each unit.
    facts.constant_bytes =
        static_cast<double>(packed_size_s8(last_axis_, units_) + 2 * size_of(DType::f32) * units_);
    return facts;
  }

 private:
  static constexpr std::int64_t kFewRows = 32, kLargerThanCache = std::int64_t{1} << 20;
  // What is kept of a quantised row beside its bytes: scale and zero point.
  static constexpr std::int64_t kQuantizedRow = size_of(DType::f32) + size_of(DType::i32);
  std::int64_t aligned_bytes(std::int64_t batch) const { return round_up(batch * features_, kAlignment); }
  void prepare_dynamic(const std::int8_t* weights, const float* scale, const float* bias) {
    integers_.resize(static_cast<std::size_t>(units_));
    column_sums_s8(weights, last_axis_, units_, integers_.data(), nullptr);
    args_.column_sum = place(integers_.data(), units_, placed_integers_);
    args_.scale = place(scale, units_, placed_scales_);
    args_.float_bias = place(bias, units_, placed_bias_);
    args_.output = Int8Output::f32;
  }

  void prepare_static(const NodeSpec& spec, const std::int8_t* weights, const float* scale,
                      const float* bias) {
    const Quantization in =
        checked_quantization(spec.real("in_scale"), spec.integer("in_zero_point"), "dense_int8: input");
    const std::string output = spec.text("output", "uint8");
    require(output == "uint8" || output == "float32",
            "dense_int8: expected output 'uint8' or 'float32', got '", output, "'");
    double divisor = 1.0;
    args_.output = Int8Output::f32;
    if (output == "uint8") {
      const Quantization out =
          checked_quantization(spec.real("out_scale"), spec.integer("out_zero_point"), "dense_int8: output");
      args_.output = Int8Output::u8;
      args_.out_zero_point = out.zero_point;
      const Activation kind = args_.activation.kind;
      if (kind == Activation::linear || kind == Activation::relu)
        divisor = out.scale;
      else
        args_.out_inverse_scale = 1.0f / out.scale;
    }
    integers_.resize(static_cast<std::size_t>(units_));
    scales_.resize(static_cast<std::size_t>(units_));
    fold_int8({in.scale, in.zero_point, scale, bias, divisor}, weights, last_axis_, units_, integers_.data(),
              scales_.data());
    args_.bias = place(integers_.data(), units_, placed_integers_);
    args_.scale = place(scales_.data(), units_, placed_scales_);
  }

  const bool dynamic_;
  const ValueSpec input_;
  const std::int64_t features_, last_axis_, units_;
  const bool turns_;                    // see GemmInt8Args::backwards
  std::atomic<bool> forwards_{true};    // a hint: no result depends on it
  GemmInt8Args args_;                   // all but m, a and c
  std::vector<std::int32_t> integers_;  // the folded bias, or the columns' sums
  std::vector<float> scales_;
  AlignedBuffer placed_weights_, placed_integers_, placed_scales_, placed_bias_;  // see place
};

}  // namespace

std::unique_ptr<Node> make_dense_int8(const NodeSpec& spec) { return std::make_unique<DenseInt8>(spec); }

}  // namespace hotloop
