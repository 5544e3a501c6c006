#include "program/loss_total.h"

#include "cuda/context.h"
#include "program/finish_step.h"

namespace hotloop {

LossTotal::LossTotal() : on_device_(sizeof(double)) {
  cuda::check(cudaMemsetAsync(on_device_.as<void>(), 0, sizeof(double), cuda::context().stream), "loss");
}

void LossTotal::add(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows) {
  cuda::add_loss(cuda::head_loss(head, buffers, rows), on_device_.as<double>());
}

double LossTotal::value() const {
  double total = 0;
  copy_block(&total, on_device_.as<void>(), sizeof(double));
  cuda::synchronize("loss");
  return total;
}

}  // namespace hotloop
