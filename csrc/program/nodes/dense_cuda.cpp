// y = act(x W + b) over the last axis on a GPU, with W (last_axis x units) and b (units) in the arena.
#include <algorithm>

#include "base/aligned_buffer.h"
#include "ops/dense/column_sum.h"
#include "ops/gemm_tensor/gemm_tensor.h"
#include "program/nodes/dense_node.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

class Dense final : public DenseNode {
 public:
  using DenseNode::DenseNode;

  bool as_dense(const float* parameters, DenseLayer& layer) const override {
    if (tf32_ || last_axis_ != features_) return false;
    layer = {last_axis_, units_, kernel(parameters), bias(parameters),
             kernel_,    bias_,  activation_,        trainable_};
    return true;
  }

  bool freeze(const float* parameters) override {
    const std::int64_t size = last_axis_ * units_, bytes = size_of(DType::f32);
    frozen_.reserve((size + units_) * bytes);
    copy_block(frozen_.as<float>(), parameters + kernel_, size * bytes);
    if (bias_ != kNoParameter) copy_block(frozen_.as<float>() + size, parameters + bias_, units_ * bytes);
    return true;
  }

  void forward(const NodeRun& run) override {
    GemmArgs args = product(run.rows * (features_ / last_axis_), units_, last_axis_);
    args.a = run.in(), args.a_row = last_axis_;
    args.b = kernel(run.parameters), args.b_row = units_;
    args.c = run.out();
    args.bias = bias(run.parameters);
    args.activation = activation_;
    multiply(args, run.training);
  }

  void backward(const NodeRun& run) override {
    const std::int64_t rows = run.rows * (features_ / last_axis_);
    const Share share = run.team.share();
    const float* dz = run.output_gradient();
    if (activation_.kind != Activation::linear) {
      activation_backward(activation_, nullptr, run.out(), dz, run.output_gradient_scratch(), false,
                          rows * units_, share);
      dz = run.output_gradient_scratch();
    }
    if (run.input_gradients[0] != nullptr) {
      GemmArgs args = product(rows, last_axis_, units_);
      args.a = dz, args.a_row = units_;
      args.b = run.parameters + kernel_, args.b_row = 1, args.b_col = units_;
      args.c = run.input_gradients[0];
      args.accumulate = run.accumulate[0];
      multiply(args, true);
    }
    if (!trainable_) return;
    if (bias_ != kNoParameter)
      column_sum(dz, units_, run.parameter_gradients + bias_, run.accumulate_parameters[kBiasPlace], rows,
                 units_, share);
    GemmArgs args = product(last_axis_, units_, rows);
    args.a = run.in(), args.a_row = 1, args.a_col = last_axis_;
    args.b = dz, args.b_row = units_;
    args.c = run.parameter_gradients + kernel_;
    args.accumulate = run.accumulate_parameters[kKernelPlace];
    multiply(args, true);
  }

 private:
  bool is_frozen() const { return frozen_.bytes() > 0; }
  const float* kernel(const float* parameters) const {
    return is_frozen() ? frozen_.as<float>() : parameters + kernel_;
  }
  const float* bias(const float* parameters) const {
    if (bias_ == kNoParameter) return nullptr;
    return is_frozen() ? frozen_.as<float>() + last_axis_ * units_ : parameters + bias_;
  }

  // Each operand of a layer's products is contiguous along one of its axes.
  void multiply(const GemmArgs& args, bool training) const {
    if (!tf32_ || !training) return gemm(args, nullptr, Share{});
    GemmTensorArgs tensor;
    tensor.m = args.m, tensor.n = args.n, tensor.k = args.k;
    tensor.a = args.a, tensor.a_k_contiguous = args.a_col == 1;
    tensor.lda = tensor.a_k_contiguous ? args.a_row : args.a_col;
    tensor.b = args.b, tensor.b_k_contiguous = args.b_row == 1 && args.b_col != 1;
    tensor.ldb = tensor.b_k_contiguous ? args.b_col : args.b_row;
    tensor.c = args.c, tensor.ldc = args.c_row;
    tensor.bias = args.bias, tensor.accumulate = args.accumulate, tensor.activation = args.activation;
    gemm_tensor(TensorType::tf32, tensor);
  }

  AlignedBuffer frozen_;  // the kernel and the bias, once they are final
};

}  // namespace

std::unique_ptr<Node> make_dense(const NodeSpec& spec) { return std::make_unique<Dense>(spec); }

}  // namespace hotloop
