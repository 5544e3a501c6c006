// The kernels of each ISA level; whoever is outside this room goes through loss.h.
#pragma once
#include "ops/loss/loss.h"

namespace hotloop {

// pointwise_loss_kernel: the mean or the sum of one number a column. class_loss_kernel: the kinds whose
// columns are classes that compete: (sparse) categorical cross-entropy and categorical hinge.
HOTLOOP_PER_ISA(void pointwise_loss_kernel(const LossArgs& args, Share share);
                void class_loss_kernel(const LossArgs& args, Share share);)

}  // namespace hotloop
