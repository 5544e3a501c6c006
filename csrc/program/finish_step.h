// The end of a captured step, in the CUDA half: its loss, and on to the next.
#pragma once
#include <cstdint>

#include "cuda/context.h"
#include "program/head.h"

namespace hotloop::cuda {

// The loss of a head over a batch is (sum of row_loss) * factor / divisor; the sum as in sum_head_loss.
struct HeadLoss {
  const float* row_loss = nullptr;
  std::int64_t count = 0;
  double factor = 1, divisor = 1;
};
inline HeadLoss head_loss(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows) {
  return {buffers.row_loss, rows * head.positions, loss_factor(head, rows), loss_divisor(head)};
}
// *total += the loss.
void add_loss(const HeadLoss& head, double* total);

struct StepEnd {
  static constexpr int kMostHeads = 64;
  HeadLoss heads[kMostHeads];
  int count = 0;
  std::int64_t rows = 0;        // of this batch
  std::int64_t batch_size = 0;  // from this batch's first row to the next one's
  double* penalty = nullptr;    // the regularisation loss, set to 0 for the next step
  DeviceStep* step = nullptr;
  Progress* progress = nullptr;  // in device memory
  Progress* seen = nullptr;      // a copy in page-locked memory
};
void finish_step(const StepEnd& end);

}  // namespace hotloop::cuda
