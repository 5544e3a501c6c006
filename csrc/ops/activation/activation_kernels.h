// The kernels of each ISA level; whoever is outside this room goes through activation.h.
#pragma once
#include "ops/activation/activation.h"

namespace hotloop {

HOTLOOP_PER_ISA(void activation_forward_kernel(const ActivationArgs& args, const float* x, float* y,
                                               std::int64_t n, Share share);
                void activation_backward_kernel(const ActivationArgs& args, const float* x, const float* y,
                                                const float* dy, float* dx, bool accumulate, std::int64_t n,
                                                Share share);
                void row_activation_forward_kernel(Activation kind, const float* x, float* y,
                                                   std::int64_t rows, std::int64_t cols, Share share);
                void row_activation_backward_kernel(Activation kind, const float* x, const float* y,
                                                    const float* dy, float* dx, bool accumulate,
                                                    std::int64_t rows, std::int64_t cols, Share share);)

}  // namespace hotloop
