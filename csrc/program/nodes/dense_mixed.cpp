// y = act(x W + b) over the last axis, as dense, with the products of training in bfloat16.
//
// attributes  those of dense; unit (text, default the fastest): the bfloat16 unit that multiplies
//
// W, b, their gradients and the optimizer's state stay float32, and so does every value between nodes. The
// forward pass multiplies a bfloat16 shadow of W, which a hot update renews piece by piece behind the
// optimizer, and otherwise the next forward pass does. Outside of training this is dense itself. So it is on
// a CPU without a fast bfloat16 unit, and for layers too narrow to gain: nothing there is rounded.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "cpu/cache.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm_mixed/gemm_mixed.h"
#include "program/hot_update.h"
#include "program/nodes/dense_node.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class DenseMixed final : public Node {
 public:
  DenseMixed(const NodeSpec& spec, Bf16Unit unit)
      : plain_(make_dense(spec)),
        unit_(unit),
        features_(only_input(spec).features()),
        units_(units_of(spec)),
        last_axis_(last_axis_of(spec, only_input(spec))),
        kernel_(spec.parameter("kernel")),
        bias_(spec.parameter("bias", kNoParameter)),
        learns_(plain_->facts().trainable),
        activation_(fused_activation(spec)) {}

  std::vector<ValueSpec> outputs() const override { return plain_->outputs(); }
  NodeFacts facts() const override {
    NodeFacts facts = plain_->facts();
    facts.arithmetic = DType::bf16;
    facts.updates_itself = true;
    return facts;
  }

  void prepare(std::int64_t max_rows, int threads, bool training) override {
    plain_->prepare(max_rows, threads, training);
    if (training) shadow_.reserve(packed_bytes(units_, last_axis_));
  }
  std::int64_t scratch(std::int64_t max_rows, int threads, bool training) const override {
    const std::int64_t plain = plain_->scratch(max_rows, threads, training);
    return training ? std::max(plain, room(max_rows * (features_ / last_axis_)).own + threads * own_bytes())
                    : plain;
  }
  bool freeze(const float* parameters) override { return plain_->freeze(parameters); }
  void begin_training() override { stale_ = true; }

  void forward(const NodeRun& run) override {
    if (!run.training) return plain_->forward(run);
    const std::int64_t rows = run.rows * (features_ / last_axis_);
    auto* x = static_cast<std::uint16_t*>(run.scratch);
    mixed_pack(MixedSide::a, run.in(), {rows, last_axis_, last_axis_, 1}, x, run.team.share());
    if (stale_)
      mixed_pack(MixedSide::b, run.parameters + kernel_, {units_, last_axis_, 1, units_},
                 shadow_.as<std::uint16_t>(), run.team.share());
    run.team.barrier();
    // Whoever trains the kernel, this node or another of the same layer; unless a hot update says otherwise.
    if (run.team.rank() == 0) stale_ = learns_;
    GemmMixedArgs args = product(rows, units_, last_axis_);
    args.a = x, args.b = shadow_.as<std::uint16_t>();
    args.c = run.out(), args.c_row = units_;
    args.bias = bias_ != kNoParameter ? run.parameters + bias_ : nullptr;
    args.activation = activation_;
    gemm_mixed(unit_, args, own_room(run, rows), run.team.share());
  }

  void backward(const NodeRun& run) override {
    const std::int64_t rows = run.rows * (features_ / last_axis_);
    const Share share = run.team.share();
    const float* dz = run.output_gradient();
    if (activation_.kind != Activation::linear) {
      activation_backward(activation_, nullptr, run.out(), dz, run.output_gradient_scratch(), false,
                          rows * units_, share);
      dz = run.output_gradient_scratch();
      run.team.barrier();
    }
    const bool passes_on = run.input_gradients[0] != nullptr;
    if (passes_on) mixed_pack(MixedSide::a, dz, {rows, units_, units_, 1}, gradient_rows(run), share);
    if (learns_) {
      mixed_pack(MixedSide::b, dz, {units_, rows, 1, units_}, gradient_columns(run, rows), share);
      mixed_pack(MixedSide::a, run.in(), {last_axis_, rows, 1, last_axis_}, turned_input(run, rows), share);
      if (bias_ != kNoParameter) learn_bias(run, dz, rows);
    }
    run.team.barrier();
    // Each rank has the same inputs of the layer in both: it reads their rows of W before it changes them.
    const Range mine = share.of(last_axis_, kMixedDepth);
    if (passes_on) pass_on(run, rows, mine);
    if (learns_) learn_kernel(run, rows, mine);
    if (learns_ && run.hot_update != nullptr && run.team.rank() == 0) stale_ = false;
  }

 private:
  // A piece of the kernel's gradient is whole tiles of the shadow high, and small enough to be in cache, with
  // parameters and state, when the optimizer takes it up. Rows 4 KB apart would throw each other out of it.
  static constexpr std::int64_t kPieceRows = 2 * kMixedDepth;
  const std::int64_t piece_cols_ = block_sizes().piece_cols, piece_stride_ = piece_cols_ + 16;

  void pass_on(const NodeRun& run, std::int64_t rows, Range mine) const {
    const std::int64_t wide = turned_columns();
    auto* turned = static_cast<std::uint16_t*>(own_room(run, rows, kMixedWorkspace));
    for (std::int64_t at = mine.begin; at < mine.end; at += wide) {
      GemmMixedArgs args = product(rows, std::min(wide, mine.end - at), units_);
      mixed_pack(MixedSide::b, run.parameters + kernel_ + at * units_, {args.n, units_, units_, 1}, turned,
                 Share{});
      args.a = gradient_rows(run), args.b = turned;
      args.c = run.input_gradients[0] + at, args.c_row = last_axis_;
      args.accumulate = run.accumulate[0];
      gemm_mixed(unit_, args, own_room(run, rows), Share{});
    }
  }

  void learn_kernel(const NodeRun& run, std::int64_t rows, Range mine) {
    const std::int64_t panel = mixed_panel_size(rows), shadow_panel = mixed_panel_size(last_axis_);
    auto* piece = static_cast<float*>(own_room(run, rows, kMixedWorkspace));
    for (std::int64_t col = 0; col < units_; col += piece_cols_)
      for (std::int64_t row = mine.begin; row < mine.end; row += kPieceRows) {
        GemmMixedArgs args =
            product(std::min(kPieceRows, mine.end - row), std::min(piece_cols_, units_ - col), rows);
        args.a = turned_input(run, rows) + row / kMixedPanel * panel;
        args.b = gradient_columns(run, rows) + col / kMixedPanel * panel;
        if (run.hot_update == nullptr) {
          args.c = run.parameter_gradients + kernel_ + row * units_ + col, args.c_row = units_;
          args.accumulate = run.accumulate_parameters[kKernelPlace];
          gemm_mixed(unit_, args, own_room(run, rows), Share{});
          continue;
        }
        const std::int64_t offset = kernel_ + row * units_ + col;
        args.c = piece, args.c_row = piece_stride_;
        gemm_mixed(unit_, args, own_room(run, rows), Share{});
        run.hot_update->apply({offset, units_, args.m, args.n}, piece, piece_stride_);
        mixed_pack(MixedSide::b, run.parameters + offset, {args.n, args.m, 1, units_, shadow_panel},
                   shadow_.as<std::uint16_t>() + col / kMixedPanel * shadow_panel + row * kMixedPanel,
                   Share{});
      }
  }

  void learn_bias(const NodeRun& run, const float* dz, std::int64_t rows) const {
    if (run.hot_update == nullptr)
      return column_sum(dz, units_, run.parameter_gradients + bias_, run.accumulate_parameters[kBiasPlace],
                        rows, units_, run.team.share());
    const Range mine = run.team.share().of(units_, kMixedPanel);
    auto* sums = static_cast<float*>(own_room(run, rows));
    constexpr std::int64_t kMost = kMixedWorkspace / size_of(DType::f32);
    for (std::int64_t at = mine.begin; at < mine.end; at += kMost) {
      const std::int64_t cols = std::min(kMost, mine.end - at);
      column_sum(dz + at, units_, sums, false, rows, cols, Share{});
      run.hot_update->apply(bias_ + at, sums, cols);
    }
  }

  static GemmMixedArgs product(std::int64_t m, std::int64_t n, std::int64_t k) {
    GemmMixedArgs args;
    args.m = m, args.n = n, args.k = k;
    return args;
  }
  static std::int64_t packed_bytes(std::int64_t count, std::int64_t k) {
    return mixed_packed_size(count, k) * size_of(DType::bf16);
  }

  // What the ranks share of the scratch, in bytes; forward has its packed input at the start.
  struct Room {
    std::int64_t gradient_columns, turned_input, own;
  };
  Room room(std::int64_t rows) const {
    Room room;
    room.gradient_columns = packed_bytes(rows, units_);
    room.turned_input = room.gradient_columns + packed_bytes(units_, rows);
    room.own = std::max(room.turned_input + packed_bytes(last_axis_, rows), packed_bytes(rows, last_axis_));
    return room;
  }
  static std::uint16_t* place(const NodeRun& run, std::int64_t byte) {
    return reinterpret_cast<std::uint16_t*>(static_cast<char*>(run.scratch) + byte);
  }
  static std::uint16_t* gradient_rows(const NodeRun& run) { return place(run, 0); }
  std::uint16_t* gradient_columns(const NodeRun& run, std::int64_t rows) const {
    return place(run, room(rows).gradient_columns);
  }
  std::uint16_t* turned_input(const NodeRun& run, std::int64_t rows) const {
    return place(run, room(rows).turned_input);
  }
  // Columns of the turned kernel that are packed at a time, for the gradient of the input.
  std::int64_t turned_columns() const {
    return std::max(kMixedDepth,
                    std::min(block_sizes().mixed_columns / (2 * units_) / kMixedDepth * kMixedDepth,
                             mixed_panels(last_axis_) * kMixedPanel));
  }
  // A rank's own: the product's workspace, then either of those.
  std::int64_t own_bytes() const {
    return kMixedWorkspace +
           std::max(packed_bytes(turned_columns(), units_), kPieceRows * piece_stride_ * size_of(DType::f32));
  }
  void* own_room(const NodeRun& run, std::int64_t rows, std::int64_t byte = 0) const {
    return static_cast<char*>(run.scratch) + room(rows).own + run.team.rank() * own_bytes() + byte;
  }

  const std::unique_ptr<Node> plain_;
  const Bf16Unit unit_;
  const std::int64_t features_, units_, last_axis_, kernel_, bias_;
  const bool learns_;
  const ActivationArgs activation_;
  AlignedBuffer shadow_;  // the kernel, packed
  bool stale_ = true;     // the kernel may have changed since
};

}  // namespace

std::unique_ptr<Node> make_dense_mixed(const NodeSpec& spec) {
  const std::string wanted = spec.text("unit", "");
  const Bf16Unit unit = wanted.empty() ? bf16_unit() : bf16_unit_from_name(wanted.c_str());
  constexpr std::int64_t kWorthPacking = 64;
  const bool narrow =
      wanted.empty() && std::min(units_of(spec), last_axis_of(spec, only_input(spec))) < kWorthPacking;
  if (unit == Bf16Unit::widened || narrow) return make_dense(spec);
  return std::make_unique<DenseMixed>(spec, unit);
}

}  // namespace hotloop
