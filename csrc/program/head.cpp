#include "program/head.h"

namespace hotloop {

void run_head(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows, std::int64_t features,
              const float* prediction, float* probability, float* gradient, Share share) {
  LossArgs args;
  args.kind = head.loss;
  args.from_logits = head.fuse || head.from_logits;
  args.label_smoothing = head.label_smoothing;
  args.delta = head.delta;
  args.rows = rows * head.positions;
  args.cols = features / head.positions;
  args.prediction = prediction;
  if (head.loss == Loss::sparse_categorical_crossentropy)
    args.sparse_target = static_cast<const std::int32_t*>(buffers.targets);
  else
    args.target = head.loss == Loss::values ? prediction : static_cast<const float*>(buffers.targets);
  args.weight = buffers.weights;
  args.gradient_scale = static_cast<float>(head.weight / (head.sum ? 1.0 : static_cast<double>(args.rows)));
  args.row_loss = buffers.row_loss;
  args.gradient = gradient;
  args.probability = probability;
  loss_forward_backward(args, share);
}

double sum_head_loss(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows) {
  constexpr std::int64_t kBlock = 128;
  const std::int64_t count = rows * head.positions;
  double sum = 0;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    double block = 0;
    for (std::int64_t i = begin; i < begin + kBlock && i < count; ++i) block += buffers.row_loss[i];
    sum += block;
  }
  return sum * loss_factor(head, rows) / loss_divisor(head);
}

}  // namespace hotloop
