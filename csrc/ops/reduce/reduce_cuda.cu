// A half warp walks each row, or 16 columns, as a CPU's thread does; sums down columns take a block of
// threads.
#include "cuda/device/rows.h"

#include "cuda/device/columns.h"
#include "cuda/launch_rows.h"
#include "ops/dense/column_sum.h"
#include "ops/reduce/reduce_rows.h"

namespace hotloop {
namespace {

static_assert(kRowsOfBlock == kColumnBlock);

struct RowSum {
  const float* x;
  float* y;
  std::int64_t n;
  bool mean;
  __device__ void operator()(std::int64_t r) const {
    const F32 total = splat(row_sum(x + r * n, n));
    store(y + r, mean ? total / splat(static_cast<float>(n)) : total, 1);
  }
};

__global__ void __launch_bounds__(kMostHalfWarps* kLanes)
    reduce_columns(ReduceShape s, const float* x, float* y, bool mean) {
  __shared__ float partial[kMostHalfWarps][1][kLanes];
  const std::int64_t groups = (s.inner + kLanes - 1) / kLanes, o = blockIdx.x / groups;
  const std::int64_t c = blockIdx.x % groups * kLanes, count = s.inner - c;
  const float* const from = x + o * s.n * s.inner + c;
  F32 total = splat(0.0f);
  for (std::int64_t begin = 0; begin < s.n; begin += kLongRow) {
    F32 part[1] = {splat(0.0f)};
    sum_row_blocks<1>(
        s.n - begin < kLongRow ? s.n - begin : kLongRow, part, partial,
        [&](std::int64_t r) { return load_or(from + (begin + r) * s.inner, count); },
        [](F32 value, F32(&block)[1]) { block[0] = block[0] + value; });
    total = total + part[0];
  }
  if (mean) total = total / splat(static_cast<float>(s.n));
  if (threadIdx.x < kLanes) store_or(y + o * s.inner + c, total, count);
}

// dx[i] = what is there, and what comes of its sum's gradient.
struct SumGradient {
  Reduction kind;
  ReduceShape s;
  const float* dy;
  float* dx;
  bool accumulate;
  __device__ float load(std::int64_t i) const {
    const F32 part = part_of(kind, splat(dy[i / (s.n * s.inner) * s.inner + i % s.inner]), s.n);
    return accumulate ? (splat(dx[i]) + part).lane : part.lane;
  }
  __device__ void store(std::int64_t i, float gradient) const { dx[i] = gradient; }
};

// 16 columns of one of the outer matrices, by their number.
struct Columns {
  std::int64_t from, to, count;
  __device__ Columns(const ReduceShape& s, std::int64_t unit) {
    const std::int64_t groups = (s.inner + kLanes - 1) / kLanes, o = unit / groups;
    const std::int64_t c = unit % groups * kLanes;
    from = o * s.n * s.inner + c, to = o * s.inner + c, count = s.inner - c;
  }
};

template <bool kMin>
struct RowLargest {
  ReduceShape s;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t r) const {
    store(y + r, row_largest_of<kMin>(x + r * s.n, s.n), 1);
  }
};

template <bool kMin>
struct ColumnsLargest {
  ReduceShape s;
  const float* x;
  float* y;
  __device__ void operator()(std::int64_t unit) const {
    const Columns at(s, unit);
    columns_largest<kMin, 1>(x + at.from, s.inner, s.n, at.count, y + at.to);
  }
};

template <bool kMin>
struct RowLargestGradient {
  ReduceShape s;
  const float *x, *dy;
  float* dx;
  bool accumulate;
  __device__ void operator()(std::int64_t r) const {
    row_largest_gradient<kMin>(x + r * s.n, dy[r], dx + r * s.n, accumulate, s.n);
  }
};

template <bool kMin>
struct ColumnsLargestGradient {
  ReduceShape s;
  const float *x, *dy;
  float* dx;
  bool accumulate;
  __device__ void operator()(std::int64_t unit) const {
    const Columns at(s, unit);
    const I32 found = columns_first_largest<kMin>(x + at.from, s.inner, s.n, at.count);
    if (lane_index() >= at.count) return;
    float* const column = dx + at.from + lane_index();
    if (!accumulate)
      for (std::int64_t r = 0; r < s.n; ++r) column[r * s.inner] = 0.0f;
    const F32 gradient = splat(dy[at.to + lane_index()]);
    float& place = column[found.lane * s.inner];
    place = accumulate ? (splat(place) + gradient).lane : gradient.lane;
  }
};

struct RowArgmax {
  ReduceShape s;
  const float* x;
  std::int32_t* y;
  __device__ void operator()(std::int64_t r) const {
    const std::int32_t place = row_first_largest<false>(x + r * s.n, s.n);
    if (lane_index() == 0) y[r] = place;
  }
};

struct ColumnsArgmax {
  ReduceShape s;
  const float* x;
  std::int32_t* y;
  __device__ void operator()(std::int64_t unit) const {
    const Columns at(s, unit);
    const I32 place = columns_first_largest<false>(x + at.from, s.inner, s.n, at.count);
    if (lane_index() < at.count) y[at.to + lane_index()] = place.lane;
  }
};

std::int64_t column_groups(const ReduceShape& s) { return s.outer * cuda::divide_up(s.inner, kLanes); }

template <template <bool> class Rows, template <bool> class Groups, class... Rest>
void launch_largest(const char* op, bool min, const ReduceShape& s, Rest... rest) {
  if (s.inner == 1)
    min ? cuda::launch_rows(op, s.outer, Rows<true>{s, rest...})
        : cuda::launch_rows(op, s.outer, Rows<false>{s, rest...});
  else
    min ? cuda::launch_rows(op, column_groups(s), Groups<true>{s, rest...})
        : cuda::launch_rows(op, column_groups(s), Groups<false>{s, rest...});
}

}  // namespace

namespace cuda {

void reduce_forward_kernel(Reduction kind, ReduceShape shape, const float* x, float* y, Share) {
  const bool mean = kind == Reduction::mean;
  if (kind == Reduction::max || kind == Reduction::min)
    launch_largest<RowLargest, ColumnsLargest>("largest", kind == Reduction::min, shape, x, y);
  else if (shape.inner == 1)
    launch_rows("row sums", shape.outer, RowSum{x, y, shape.n, mean});
  else
    launch("column sums", reduce_columns,
           {dim3(static_cast<unsigned>(column_groups(shape))), dim3(column_threads(shape.n))}, shape, x, y,
           mean);
}

void reduce_backward_kernel(Reduction kind, ReduceShape shape, const float* x, const float* dy, float* dx,
                            bool accumulate, Share) {
  if (kind == Reduction::max || kind == Reduction::min)
    launch_largest<RowLargestGradient, ColumnsLargestGradient>(
        "gradient of the largest", kind == Reduction::min, shape, x, dy, dx, accumulate);
  else
    launch_elements("gradient of sums", shape.outer * shape.n * shape.inner,
                    SumGradient{kind, shape, dy, dx, accumulate});
}

void argmax_kernel(ReduceShape shape, const float* x, std::int32_t* y, Share) {
  if (shape.inner == 1)
    launch_rows("argmax", shape.outer, RowArgmax{shape, x, y});
  else
    launch_rows("argmax", column_groups(shape), ColumnsArgmax{shape, x, y});
}

}  // namespace cuda
}  // namespace hotloop
