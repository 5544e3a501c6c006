// Ops that work on one element at a time, or only move elements: what joins branches, and rescaling.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

// y[i] = x[i], or y[i] += x[i]. Nothing is done where x is y and accumulate is false.
void copy_or_add(const float* x, float* y, bool accumulate, std::int64_t n, Share share);

// y[i] = inputs[0][i] + inputs[1][i] + ..., from left to right; count is at least 1.
void add_forward(const float* const* inputs, int count, float* y, std::int64_t n, Share share);

// y[i] = inputs[0][i] * inputs[1][i] * ..., and the gradient of input `which`: dy times the other inputs.
void multiply_forward(const float* const* inputs, int count, float* y, std::int64_t n, Share share);
void multiply_backward(const float* const* inputs, int count, int which, const float* dy, float* dx,
                       bool accumulate, std::int64_t n, Share share);

// y[i] = x[i] * scale + offset, rounded once; and dx[i] = dy[i] * scale.
void rescale_forward(const float* x, float scale, float offset, float* y, std::int64_t n, Share share);
void rescale_backward(const float* dy, float scale, float* dx, bool accumulate, std::int64_t n, Share share);

// y[r * y_stride + c] = x[r * x_stride + c] (or +=) for c < cols: a block of columns out of or into a matrix.
void copy_columns(const float* x, std::int64_t x_stride, float* y, std::int64_t y_stride, std::int64_t rows,
                  std::int64_t cols, bool accumulate, Share share);

}  // namespace hotloop
