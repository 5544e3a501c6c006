#include "cuda/device/columns.h"
#include "cuda/launch.h"
#include "ops/dense/column_sum.h"

namespace hotloop {
namespace {

static_assert(kRowsOfBlock == kColumnBlock);

__global__ void __launch_bounds__(kMostHalfWarps* kLanes)
    column_sum_columns(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                       std::int64_t cols) {
  __shared__ float partial[kMostHalfWarps][1][kLanes];
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * kLanes, count = cols - c;
  F32 total[1] = {accumulate ? load_or(sums + c, count) : splat(0.0f)};
  sum_row_blocks<1>(
      rows, total, partial, [&](std::int64_t r) { return load_or(x + r * x_row + c, count); },
      [](F32 value, F32(&block)[1]) { block[0] = block[0] + value; });
  if (threadIdx.x < kLanes) store_or(sums + c, total[0], count);
}

}  // namespace

namespace cuda {

void column_sum_kernel(const float* x, std::int64_t x_row, float* sums, bool accumulate, std::int64_t rows,
                       std::int64_t cols, Share) {
  launch("column sums", column_sum_columns,
         {dim3(static_cast<unsigned>(divide_up(cols, kLanes))), dim3(column_threads(rows))}, x, x_row, sums,
         accumulate, rows, cols);
}

}  // namespace cuda
}  // namespace hotloop
