#include "cuda/launch.h"
#include "program/finish_step.h"

namespace hotloop::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kLossBlock = 128;  // rows that are summed by themselves, as sum_head_loss does

// The sum of a head's losses, on thread 0: blocks of rows one after the other, each summed by another thread.
__device__ double sum_of(const HeadLoss& head, double* sums) {
  const std::int64_t blocks = (head.count + kLossBlock - 1) / kLossBlock;
  double total = 0;
  for (std::int64_t wave = 0; wave < blocks; wave += kThreads) {
    const std::int64_t first = (wave + threadIdx.x) * kLossBlock;
    double sum = 0;
    for (std::int64_t i = first; i < first + kLossBlock && i < head.count; ++i)
      sum = __dadd_rn(sum, static_cast<double>(head.row_loss[i]));
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < kThreads && wave + i < blocks; ++i) total = __dadd_rn(total, sums[i]);
    __syncthreads();
  }
  return total;
}

__device__ double loss_of(const HeadLoss& head, double* sums) {
  return __ddiv_rn(__dmul_rn(sum_of(head, sums), head.factor), head.divisor);
}

__global__ void __launch_bounds__(kThreads) add_loss_kernel(HeadLoss head, double* total) {
  __shared__ double sums[kThreads];
  const double loss = loss_of(head, sums);
  if (threadIdx.x == 0) *total = __dadd_rn(*total, loss);
}

__global__ void __launch_bounds__(kThreads) finish_step_kernel(StepEnd end) {
  __shared__ double sums[kThreads];
  double loss = __dmul_rn(*end.penalty, static_cast<double>(end.rows));
  for (int i = 0; i < end.count; ++i) loss = __dadd_rn(loss, loss_of(end.heads[i], sums));
  if (threadIdx.x != 0) return;
  *end.penalty = 0;
  Progress progress = *end.progress;
  progress.steps += 1;
  progress.rows += end.rows;
  progress.loss_sum = __dadd_rn(progress.loss_sum, loss);
  progress.last_loss = loss;
  *end.progress = progress;
  *end.seen = progress;
  end.step->iteration += 1;
  end.step->index += 1;
  end.step->first_row += end.batch_size;
}

}  // namespace

void add_loss(const HeadLoss& head, double* total) {
  launch("loss", add_loss_kernel, {dim3(1), dim3(kThreads)}, head, total);
}

void finish_step(const StepEnd& end) {
  launch("end of a step", finish_step_kernel, {dim3(1), dim3(kThreads)}, end);
}

}  // namespace hotloop::cuda
