#include "cpu/simd/rows.h"

#include <cstddef>

#include "ops/dense/column_sum.h"
#include "ops/reduce/reduce_rows.h"

namespace hotloop {
namespace {

// Columns go by groups of so many: four vectors at once hide each other's latency.
constexpr std::int64_t kGroup = 4 * kLanes;

// Calls columns(where they begin in x, where in y, how many) for this share's groups.
template <class Columns>
HOTLOOP_INLINE void each_group(ReduceShape s, Share share, const Columns& columns) {
  const std::int64_t groups = (s.inner + kGroup - 1) / kGroup;
  const std::int64_t width = s.inner < kGroup ? s.inner : kGroup;
  const Range part = rows_of(share, s.outer * groups, s.n < 1024 ? s.n * width + 1 : 1024);
  for (std::int64_t unit = part.begin; unit < part.end; ++unit) {
    const std::int64_t o = unit / groups, c = unit % groups * kGroup;
    columns(o * s.n * s.inner + c, o * s.inner + c, s.inner - c < kGroup ? s.inner - c : kGroup);
  }
}

// A number of rows at a time: their chains of additions hide each other's latency.
template <int kRows>
HOTLOOP_INLINE void sum_rows(const float* x, std::int64_t n, float* y) {
  if (n > kLongRow) return long_row_sums<kRows>(x, n, y);
  const auto total = sum_vectors<kRows>(n, [&](std::int64_t i, int count, F32(&sums)[kRows]) HOTLOOP_BODY {
    for (int k = 0; k < kRows; ++k) sums[k] = sums[k] + load_or(x + k * n + i, count);
  });
  for (int k = 0; k < kRows; ++k) y[k] = sum(total.of[k]);
}

// Columns of a group, kLongRow rows by themselves and then added.
void sum_columns(const float* x, std::int64_t x_row, std::int64_t n, std::int64_t cols, float* y) {
  HOTLOOP_LEVEL::column_sum_kernel(x, x_row, y, false, n < kLongRow ? n : kLongRow, cols, Share{});
  for (std::int64_t begin = kLongRow; begin < n; begin += kLongRow) {
    float part[kGroup];
    HOTLOOP_LEVEL::column_sum_kernel(x + begin * x_row, x_row, part, false,
                                     n - begin < kLongRow ? n - begin : kLongRow, cols, Share{});
    for (std::int64_t c = 0; c < cols; ++c) y[c] += part[c];
  }
}

void sums(Reduction kind, ReduceShape s, const float* x, float* y, Share share) {
  const float count = static_cast<float>(s.n);
  if (s.inner > 1) {
    each_group(s, share, [&](std::int64_t from, std::int64_t to, std::int64_t cols) {
      sum_columns(x + from, s.inner, s.n, cols, y + to);
      if (kind == Reduction::mean)
        for (std::int64_t c = to; c < to + cols; ++c) y[c] /= count;
    });
    return;
  }
  const Range part = rows_of(share, s.outer, s.n + 1);
  std::int64_t r = part.begin;
  for (; r + 4 <= part.end; r += 4) sum_rows<4>(x + r * s.n, s.n, y + r);
  for (; r < part.end; ++r) y[r] = row_sum(x + r * s.n, s.n);
  if (kind == Reduction::mean)
    for (r = part.begin; r < part.end; ++r) y[r] /= count;
}

template <bool kMin>
void largest_of(ReduceShape s, const float* x, float* y, Share share) {
  if (s.inner > 1) {
    each_group(s, share, [&](std::int64_t from, std::int64_t to, std::int64_t cols) {
      if (cols == kGroup) return columns_largest<kMin, 4>(x + from, s.inner, s.n, kLanes, y + to);
      for (std::int64_t c = 0; c < cols; c += kLanes)
        columns_largest<kMin, 1>(x + from + c, s.inner, s.n, cols - c, y + to + c);
    });
    return;
  }
  const Range part = rows_of(share, s.outer, s.n);
  for (std::int64_t r = part.begin; r < part.end; ++r)
    store(y + r, row_largest_of<kMin>(x + r * s.n, s.n), 1);
}

HOTLOOP_INLINE void put(float* to, F32 part, bool accumulate, std::int64_t count) {
  store_or(to, accumulate ? load_or(to, count) + part : part, count);
}

// `rows` rows of the same few numbers: as one long row of a pattern, so that vectors are full.
void put_pattern(const float* row, std::int64_t inner, std::int64_t rows, float* to, bool accumulate) {
  float pattern[kLanes * kGroup];
  const std::int64_t n = rows * inner, longest = kLanes * inner;
  const std::int64_t period = n < longest ? round_up(n, kLanes) : longest;
  for (std::int64_t i = 0; i < period; ++i) pattern[i] = i < inner ? row[i] : pattern[i - inner];
  for (std::int64_t i = 0, at = 0; i < n; i += kLanes) {
    put(to + i, load(pattern + at), accumulate, n - i);
    at = at + kLanes < period ? at + kLanes : 0;
  }
}

// Row q of dx, of outer x n rows of inner numbers, is what row q / n of dy comes to.
void sums_gradient(Reduction kind, ReduceShape s, const float* dy, float* dx, bool accumulate, Share share) {
  const Range mine = rows_of(share, s.outer * s.n, s.inner);
  for (std::int64_t q = mine.begin; q < mine.end;) {
    const std::int64_t o = q / s.n, end = (o + 1) * s.n < mine.end ? (o + 1) * s.n : mine.end;
    if (s.inner == 1) {
      const F32 part = part_of(kind, splat(dy[o]), s.n);
      for (std::int64_t i = q; i < end; i += kLanes) put(dx + i, part, accumulate, end - i);
    } else {
      for (std::int64_t c = 0; c < s.inner; c += kGroup) {
        float parts[kGroup];
        const std::int64_t cols = s.inner - c < kGroup ? s.inner - c : kGroup;
        for (std::int64_t i = 0; i < cols; i += kLanes)
          store(parts + i, part_of(kind, load_or(dy + o * s.inner + c + i, cols - i), s.n));
        if (cols == s.inner) {
          put_pattern(parts, cols, end - q, dx + q * cols, accumulate);
        } else {
          for (std::int64_t r = q; r < end; ++r)
            for (std::int64_t i = 0; i < cols; i += kLanes)
              put(dx + r * s.inner + c + i, load(parts + i), accumulate, cols - i);
        }
      }
    }
    q = end;
  }
}

template <bool kMin>
void largest_gradient(ReduceShape s, const float* x, const float* dy, float* dx, bool accumulate,
                      Share share) {
  if (s.inner > 1) {
    each_group(s, share, [&](std::int64_t from, std::int64_t to, std::int64_t cols) {
      const std::int64_t pieces = cols == s.inner ? 1 : s.n;  // neighbours in one go
      const auto bytes = static_cast<std::size_t>(cols * (s.n / pieces)) * sizeof(float);
      if (!accumulate)
        for (std::int64_t r = 0; r < pieces; ++r) __builtin_memset(dx + from + r * s.inner, 0, bytes);
      for (std::int64_t c = 0; c < cols; c += kLanes) {
        std::int32_t found[kLanes];
        store_i32(found, columns_first_largest<kMin>(x + from + c, s.inner, s.n, cols - c));
        for (std::int64_t i = 0; i < kLanes && c + i < cols; ++i) {
          float& gradient = dx[from + found[i] * s.inner + c + i];
          gradient = accumulate ? gradient + dy[to + c + i] : dy[to + c + i];
        }
      }
    });
    return;
  }
  const Range part = rows_of(share, s.outer, s.n);
  for (std::int64_t r = part.begin; r < part.end; ++r)
    row_largest_gradient<kMin>(x + r * s.n, dy[r], dx + r * s.n, accumulate, s.n);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void reduce_forward_kernel(Reduction kind, ReduceShape shape, const float* x, float* y, Share share) {
  if (kind == Reduction::max) return largest_of<false>(shape, x, y, share);
  if (kind == Reduction::min) return largest_of<true>(shape, x, y, share);
  sums(kind, shape, x, y, share);
}

void reduce_backward_kernel(Reduction kind, ReduceShape shape, const float* x, const float* dy, float* dx,
                            bool accumulate, Share share) {
  if (kind == Reduction::max) return largest_gradient<false>(shape, x, dy, dx, accumulate, share);
  if (kind == Reduction::min) return largest_gradient<true>(shape, x, dy, dx, accumulate, share);
  sums_gradient(kind, shape, dy, dx, accumulate, share);
}

void argmax_kernel(ReduceShape shape, const float* x, std::int32_t* y, Share share) {
  const ReduceShape& s = shape;
  if (s.inner > 1) {
    each_group(s, share, [&](std::int64_t from, std::int64_t to, std::int64_t cols) {
      for (std::int64_t c = 0; c < cols; c += kLanes) {
        const I32 found = columns_first_largest<false>(x + from + c, s.inner, s.n, cols - c);
        if (cols - c >= kLanes)
          store_i32(y + to + c, found);
        else
          store_i32(y + to + c, found, static_cast<int>(cols - c));
      }
    });
    return;
  }
  const Range part = rows_of(share, s.outer, s.n);
  for (std::int64_t r = part.begin; r < part.end; ++r) y[r] = row_first_largest<false>(x + r * s.n, s.n);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
