// A loss head: where a program's output meets its targets.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/loss/loss.h"
#include "program/node.h"

namespace hotloop {

// Of the kind `values` the output is the loss already, and there are no targets.
struct HeadSpec {
  ValueId output = -1;
  Loss loss = Loss::mean_squared_error;
  // The node that made `output` is the softmax or sigmoid that belongs to this cross-entropy: training skips
  // it, the loss takes that node's input as logits and writes `output` itself.
  bool fuse = false;
  bool from_logits = false;
  float label_smoothing = 0.0f;
  float delta = 1.0f;
  float weight = 1.0f;
  std::int64_t positions = 1;  // an output is positions x classes a sample; the loss is their mean
  bool sum = false;            // over all positions of a batch, in place of their mean
};
// What the sum of a batch's row losses is to be multiplied with and divided by to be sum_head_loss.
inline double loss_factor(const HeadSpec& head, std::int64_t rows) {
  return head.sum ? head.weight * static_cast<double>(rows) : head.weight;
}
inline double loss_divisor(const HeadSpec& head) {
  return head.sum ? 1.0 : static_cast<double>(head.positions);
}

// What a head needs while it runs; memory belongs to the program.
struct HeadBuffers {
  void* targets = nullptr;    // gathered, unless they can be read where they lie or there are none
  float* weights = nullptr;   // one a position, unless there are none
  float* row_loss = nullptr;  // one a position
};

// Loss of a batch, gradient (when `gradient` is not null) and probabilities; this rank's share.
void run_head(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows, std::int64_t features,
              const float* prediction, float* probability, float* gradient, Share share);

// The batch's loss times its samples, weighted by the head's weight; in double, blocks of 128 rows first and
// then these, each in order.
double sum_head_loss(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows);

}  // namespace hotloop
