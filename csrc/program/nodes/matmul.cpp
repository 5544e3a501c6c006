// NumPy's matmul of two values: products of the matrices in their last two axes, the axes before, of which
// the batch's is the first, being broadcast. Samples of one axis are rows of one matrix, the batch.
//
// attributes  transpose_a, transpose_b (int): 1 where a value's last two axes lie swapped
#include "ops/gemm/matmul.h"

#include <algorithm>

#include "program/nodes/checks.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class MatmulNode final : public Node {
 public:
  explicit MatmulNode(const NodeSpec& spec) {
    require(
        spec.inputs.size() == 2 && spec.inputs[0].dtype == DType::f32 && spec.inputs[1].dtype == DType::f32,
        "matmul: expected two float32 inputs, got ", spec.inputs.size(), " inputs");
    const ValueSpec &a = spec.inputs[0], &b = spec.inputs[1];
    sample_.transpose_a = spec.integer("transpose_a", 0) != 0;
    sample_.transpose_b = spec.integer("transpose_b", 0) != 0;
    const bool rows = a.batched && a.shape.rank() == 1;  // of one matrix
    require(rows || a.shape.rank() >= 2, "matmul: expected a matrix or more as a, got samples of shape ",
            a.shape);
    require(b.shape.rank() >= 2, "matmul: expected a matrix or more as b, got ",
            b.batched ? "samples of shape " : "the shape ", b.shape);
    require(!rows || (!b.batched && b.shape.rank() == 2 && !sample_.transpose_a), "matmul: rows of ", a.shape,
            " are multiplied by one matrix without a batch axis, as they lie");
    const Shape left = rows ? Shape{1, a.shape[0]} : a.shape;
    sample_.m = from_end(left, sample_.transpose_a ? 1 : 2);
    sample_.k = from_end(left, sample_.transpose_a ? 2 : 1);
    sample_.n = from_end(b.shape, sample_.transpose_b ? 2 : 1);
    const std::int64_t depth = from_end(b.shape, sample_.transpose_b ? 1 : 2);
    require(depth == sample_.k, "matmul: expected as many rows in b as columns in a, got ", depth, " and ",
            sample_.k, " of the shapes ", a.shape, " and ", b.shape);
    broadcast(left, a.batched, b.shape, b.batched);
    if (!rows) output_.shape.push_back(sample_.m);
    output_.shape.push_back(sample_.n);
    output_.batched = a.batched || b.batched;
  }

  std::vector<ValueSpec> outputs() const override { return {output_}; }
  NodeFacts facts() const override {
    NodeFacts facts;
    const auto products = static_cast<double>(output_.features()) * static_cast<double>(sample_.k);
    facts.work_per_row = output_.batched ? products : 0;
    facts.work_per_batch = output_.batched ? 0 : products;
    facts.operations = 2 * products;
    facts.backward_reads_outputs = false;
    return facts;
  }

  std::int64_t scratch(std::int64_t max_rows, int threads, bool training) const override {
    return threads * workspace_bytes(of(max_rows), training);
  }

  void forward(const NodeRun& run) override {
    const Matmul p = of(run.rows);
    matmul(p, run.in(0), run.in(1), run.out(), workspace(run, p), run.team.share());
  }

  void backward(const NodeRun& run) override {
    const Matmul p = of(run.rows);
    float *const da = run.input_gradients[0], *const db = run.input_gradients[1];
    if (da != nullptr)
      matmul_gradient_a(p, run.in(1), run.output_gradient(), da, run.accumulate[0], workspace(run, p),
                        run.team.share());
    if (da == db) run.team.barrier();  // a value times itself
    if (db != nullptr)
      matmul_gradient_b(p, run.in(0), run.output_gradient(), db, run.accumulate[1], workspace(run, p),
                        run.team.share());
  }

 private:
  // The size of an axis counted from the last, which is 1; 1 where there is none.
  static std::int64_t from_end(const Shape& shape, int axis) {
    return axis <= shape.rank() ? shape[shape.rank() - axis] : 1;
  }

  // The batch's axis and those before the matrices.
  void broadcast(const Shape& a, bool a_batched, const Shape& b, bool b_batched) {
    const int rank = std::max(a.rank(), b.rank());
    require((!a_batched || a.rank() == rank) && (!b_batched || b.rank() == rank),
            "matmul: expected as many axes in a sample as in the other operand, or more, got the shapes ", a,
            " and ", b, "; give it axes of size 1");
    std::int64_t steps_a[Shape::kMostAxes], steps_b[Shape::kMostAxes];
    std::int64_t next_a = sample_.m * sample_.k, next_b = sample_.k * sample_.n;
    for (int axis = 3; axis <= rank; ++axis) {
      const std::int64_t size_a = from_end(a, axis), size_b = from_end(b, axis);
      require(size_a == size_b || size_a == 1 || size_b == 1,
              "matmul: expected axes before the matrices that broadcast, got the shapes ", a, " and ", b);
      steps_a[axis - 1] = size_a == 1 ? 0 : next_a, steps_b[axis - 1] = size_b == 1 ? 0 : next_b;
      next_a *= size_a, next_b *= size_b;
    }
    sample_.add(1, a_batched ? next_a : 0, b_batched ? next_b : 0);
    for (int axis = rank; axis >= 3; --axis) {
      const std::int64_t size = std::max(from_end(a, axis), from_end(b, axis));
      output_.shape.push_back(size);
      sample_.add(size, steps_a[axis - 1], steps_b[axis - 1]);
    }
  }

  Matmul of(std::int64_t rows) const {
    Matmul p = sample_;
    p.size[0] = output_.batched ? rows : 1;
    return p;
  }
  static std::int64_t workspace_bytes(const Matmul& p, bool training) {
    return round_up(matmul_workspace(p, training) * size_of(DType::f32), kAlignment);
  }
  static float* workspace(const NodeRun& run, const Matmul& p) {
    return run.own_scratch(workspace_bytes(p, run.training));
  }

  Matmul sample_;  // along axis 0 goes the batch
  ValueSpec output_;
};

}  // namespace

std::unique_ptr<Node> make_matmul(const NodeSpec& spec) { return std::make_unique<MatmulNode>(spec); }

}  // namespace hotloop
