// y = act(x W + b) over the last axis, with W (last_axis x units) and b (units) in the arena.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "cpu/cache.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm/one_row_gemm.h"
#include "program/hot_update.h"
#include "program/nodes/dense_node.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Dense final : public DenseNode {
 public:
  using DenseNode::DenseNode;

  NodeFacts facts() const override {
    NodeFacts facts = DenseNode::facts();
    facts.updates_itself = true;
    return facts;
  }

  std::int64_t scratch(std::int64_t max_rows, int threads, bool training) const override {
    std::int64_t bytes = workspace_bytes(max_rows, training);
    if (training)
      bytes = std::max(bytes, room(max_rows * (features_ / last_axis_)).all * size_of(DType::f32));
    return threads * bytes;
  }

  bool freeze(const float* parameters) override {
    const std::int64_t packed = gemm_packed_size(last_axis_, units_);
    frozen_.reserve((packed + units_) * size_of(DType::f32));
    gemm_pack_b(parameters + kernel_, units_, 1, last_axis_, units_, frozen_.as<float>(), Share{});
    if (bias_ == kNoParameter) return true;
    frozen_bias_ = frozen_.as<float>(packed * size_of(DType::f32));
    std::copy_n(parameters + bias_, units_, frozen_.as<float>(packed * size_of(DType::f32)));
    return true;
  }

  bool join(RowStep& step) const override {
    const bool relu = activation_.kind == Activation::relu;
    if (step.run != nullptr || frozen_.bytes() == 0 || features_ != last_axis_ ||
        !(relu || activation_.kind == Activation::linear))
      return false;
    step.product.n = units_, step.product.k = last_axis_;
    step.product.b = frozen_.as<float>(), step.product.bias = frozen_bias_;
    step.product.relu_first = relu;
    step.run = [](const RowStep& all, const void* x, void* y) {
      one_row_gemm(all.product, static_cast<const float*>(x), static_cast<float*>(y));
    };
    return true;
  }

  void prepare(std::int64_t, int threads, bool training) override {
    if (training) relay_.reserve(threads);
  }
  void begin_training() override { relay_.reset(); }

  void forward(const NodeRun& run) override {
    GemmArgs args = product(run.rows * (features_ / last_axis_), units_, last_axis_);
    args.a = run.in(), args.a_row = last_axis_;
    args.b_row = units_;
    args.c = run.out();
    if (frozen_.bytes() > 0) {
      args.b_packed = frozen_.as<float>();
      args.bias = frozen_bias_;
    } else {
      args.b = run.parameters + kernel_;
      if (bias_ != kNoParameter) args.bias = run.parameters + bias_;
    }
    args.activation = activation_;
    Share share = run.team.share();
    const Part mine = part(share, args.m);
    if (run.training && is_relayed(args.m, share)) return relay(run, args, mine.rows);
    if (run.training && mine.whole_columns) {
      // The columns that this rank updates: its part of the kernel stays in its own cache.
      args.n = mine.cols.end - mine.cols.begin;
      args.b += mine.cols.begin, args.c += mine.cols.begin;
      if (args.bias != nullptr) args.bias += mine.cols.begin;
      share = Share{};
    }
    gemm(args, workspace(run), share);
  }

  void backward(const NodeRun& run) override {
    const std::int64_t rows = run.rows * (features_ / last_axis_);
    const float* dz = run.output_gradient();
    if (activation_.kind != Activation::linear) {
      activation_backward(activation_, nullptr, run.out(), dz, run.output_gradient_scratch(), false,
                          rows * units_, run.team.share());
      dz = run.output_gradient_scratch();
      run.team.barrier();
    }
    // First of all what reads the kernel, which a hot update then changes.
    if (run.input_gradients[0] != nullptr) {
      GemmArgs args = product(rows, last_axis_, units_);
      args.a = dz, args.a_row = units_;
      args.b = run.parameters + kernel_, args.b_row = 1, args.b_col = units_;
      args.c = run.input_gradients[0];
      args.accumulate = run.accumulate[0];
      Share share = run.team.share();
      if (const Part mine = part(share, rows); mine.whole_rows) {
        // The columns that come from the rows of the kernel that this rank updates.
        args.n = mine.rows.end - mine.rows.begin;
        args.b += mine.rows.begin * units_, args.c += mine.rows.begin;
        share = Share{};
      }
      gemm(args, workspace(run), share);
    }
    if (!trainable_) return;
    if (run.hot_update != nullptr) {
      if (run.input_gradients[0] != nullptr) run.team.barrier();
      update(run, dz, rows);
      return;
    }
    if (bias_ != kNoParameter)
      column_sum(dz, units_, run.parameter_gradients + bias_, run.accumulate_parameters[kBiasPlace], rows,
                 units_, run.team.share());
    GemmArgs args = product(last_axis_, units_, rows);
    args.a = run.in(), args.a_row = 1, args.a_col = last_axis_;
    args.b = dz, args.b_row = units_;
    args.c = run.parameter_gradients + kernel_;
    args.accumulate = run.accumulate_parameters[kKernelPlace];
    gemm(args, workspace(run), run.team.share());
  }

 private:
  // The kernel's gradient is made in pieces of about this many rows and columns, small enough to be in the
  // second-level cache, with parameters and state, when the optimizer takes them up.
  static constexpr std::int64_t kPieceRows = 56;
  const std::int64_t piece_cols_ = block_sizes().piece_cols;

  // Where a rank's scratch is in a hot update, in floats.
  struct Room {
    std::int64_t packed = 0, piece = 0, workspace = 0, all = 0;
  };
  Room room(std::int64_t rows) const {
    const auto aligned = [](std::int64_t floats) { return round_up(floats, kAlignment / 4); };
    const std::int64_t cols = std::min(units_, piece_cols_);
    Room room;
    room.piece = aligned(gemm_packed_size(rows, cols));
    room.workspace = room.piece + aligned(kPieceRows * cols);
    GemmArgs args = product(kPieceRows, cols, rows);
    room.all = room.workspace + aligned(gemm_workspace(args));
    return room;
  }

  // The rectangle of the kernel that a rank looks after. Ranks side by side pack different columns.
  struct Part {
    Range rows, cols;
    bool top;  // it does the bias of these columns too
    // Whether the ranks stand side by side, each with whole columns, or one below the other.
    bool whole_columns, whole_rows;
  };
  Part part(Share share, std::int64_t rows) const {
    // A small piece of work is not worth its way to another core's cache.
    constexpr std::int64_t kSmall = 128 * 1024;
    if (rows * last_axis_ * units_ < kSmall) {
      if (share.rank > 0) return {{0, 0}, {0, 0}, false, false, false};
      share = Share{};
    }
    int across = 1;
    for (int d = 1; d <= share.size; ++d)
      if (share.size % d == 0 && units_ >= 1024 * d) across = d;
    const int down = share.size / across;
    // The last rows to the first rank: what a relay ends with is at hand where small pieces of work go on.
    return {Share{down - 1 - share.rank / across, down}.of(last_axis_, 8),
            Share{share.rank % across, across}.of(units_, 64), share.rank < across, across > 1 && down == 1,
            across == 1 && down > 1};
  }

  // With few rows a product costs less than to fetch, from another core's cache, the part of the kernel that
  // was updated there. Then each rank works with its own part for all rows, a group of rows at a time, and
  // hands the sums on to the next rank: the same chains of additions.
  static constexpr std::int64_t kRelayRows = 128, kRelayGroup = 8;
  bool is_relayed(std::int64_t rows, Share share) const {
    return share.size == 2 && trainable_ && units_ < 1024 && rows >= 2 * kRelayGroup && rows <= kRelayRows &&
           last_axis_ * units_ >= 32 * 1024;
  }
  void relay(const NodeRun& run, const GemmArgs& whole, Range mine) {
    const int rank = run.team.rank();
    const bool first = rank + 1 == run.team.size(), last = rank == 0;
    const std::uint64_t turn = (run.step + 1) * (kRelayRows / kRelayGroup + 1);
    GemmArgs args = whole;
    args.k = mine.end - mine.begin;
    args.b += mine.begin * units_;
    if (!first) args.bias = nullptr, args.accumulate = true;
    if (!last) args.activation = {Activation::linear};
    for (std::int64_t row = 0, group = 1; row < whole.m; row += kRelayGroup, ++group) {
      const std::uint64_t mark = turn + static_cast<std::uint64_t>(group);
      args.m = std::min(kRelayGroup, whole.m - row);
      args.a = whole.a + row * last_axis_ + mine.begin;
      args.c = whole.c + row * units_;
      if (!first) relay_.wait_for(rank + 1, mark);
      gemm(args, workspace(run), Share{});
      if (!last) relay_.pass(rank, mark);
    }
  }

  // dW = x' dz a piece at a time, each followed at once by the optimizer.
  void update(const NodeRun& run, const float* dz, std::int64_t rows) const {
    const Room at = room(rows);
    float* const memory = run.own_scratch(at.all * size_of(DType::f32));
    float* const piece = memory + at.piece;
    const Part mine = part(run.team.share(), rows);
    for (std::int64_t col = mine.cols.begin; col < mine.cols.end; col += piece_cols_) {
      const std::int64_t cols = std::min(piece_cols_, mine.cols.end - col);
      gemm_pack_b(dz + col, units_, 1, rows, cols, memory, Share{});
      if (bias_ != kNoParameter && mine.top) {
        column_sum(dz + col, units_, piece, false, rows, cols, Share{});
        run.hot_update->apply(bias_ + col, piece, cols);
      }
      for (std::int64_t row = mine.rows.begin; row < mine.rows.end; row += kPieceRows) {
        GemmArgs args = product(std::min(kPieceRows, mine.rows.end - row), cols, rows);
        args.a = run.in() + row, args.a_row = 1, args.a_col = last_axis_;
        args.b = dz + col, args.b_row = units_;
        args.b_packed = memory;
        args.c = piece;
        gemm(args, memory + at.workspace, Share{});
        run.hot_update->apply({kernel_ + row * units_ + col, units_, args.m, cols}, piece, cols);
      }
    }
  }

  // Of one rank, for the products of a batch.
  std::int64_t workspace_bytes(std::int64_t batch, bool training) const {
    const std::int64_t rows = batch * (features_ / last_axis_);
    std::int64_t floats = gemm_workspace(product(rows, units_, last_axis_));
    if (training) {
      floats = std::max(floats, gemm_workspace(product(last_axis_, units_, rows)));
      floats = std::max(floats, gemm_workspace(product(rows, last_axis_, units_)));
    }
    return round_up(floats * size_of(DType::f32), kAlignment);
  }
  float* workspace(const NodeRun& run) const {
    return run.own_scratch(workspace_bytes(run.rows, run.training));
  }

  Relay relay_;
  AlignedBuffer frozen_;  // the packed kernel and the bias, once they are final
  const float* frozen_bias_ = nullptr;
};

}  // namespace

std::unique_ptr<Node> make_dense(const NodeSpec& spec) { return std::make_unique<Dense>(spec); }

}  // namespace hotloop
