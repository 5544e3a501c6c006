#include "ops/strided/strided_copy.h"

#include <cstddef>

#include "cpu/simd/rows.h"
#include "cpu/simd/transpose.h"

namespace hotloop {
namespace {

// Goes through the indices of some axes in order, from one of them on.
struct Walk {
  int axes = 0;
  std::int64_t size[kMostCopyAxes], from[kMostCopyAxes], to[kMostCopyAxes], index[kMostCopyAxes];
  std::int64_t x = 0, y = 0, count = 1;

  void add(const StridedCopy& copy, int a) {
    size[axes] = copy.size[a], from[axes] = copy.from[a], to[axes++] = copy.to[a];
    count *= copy.size[a];
  }
  void begin(std::int64_t number) {
    for (int a = axes - 1; a >= 0; --a) {
      index[a] = number % size[a], number /= size[a];
      x += index[a] * from[a], y += index[a] * to[a];
    }
  }
  void next() {
    for (int a = axes - 1; a >= 0; --a) {
      x += from[a], y += to[a];
      if (++index[a] < size[a]) return;
      index[a] = 0, x -= size[a] * from[a], y -= size[a] * to[a];
    }
  }
};

HOTLOOP_INLINE void put(float* y, F32 x, bool accumulate, std::int64_t count) {
  store_or(y, accumulate ? load_or(y, count) + x : x, count);
}

// n numbers along an axis.
void copy_run(const float* x, std::int64_t from, float* y, std::int64_t to, std::int64_t n, bool accumulate) {
  if (from == 1 && to == 1 && !accumulate) {
    __builtin_memcpy(y, x, static_cast<std::size_t>(n) * sizeof(float));
  } else if (from == 1 && to == 1) {
    each_vector(n, [&](std::int64_t i, int count)
                       HOTLOOP_BODY { put(y + i, load_or(x + i, count), accumulate, count); });
  } else if (accumulate) {
    for (std::int64_t i = 0; i < n; ++i) y[i * to] += x[i * from];
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i * to] = x[i * from];
  }
}

// Run by run along an axis. A long run is shared out in pieces.
void copy_runs(const StridedCopy& copy, int axis, const float* x, float* y, bool accumulate, Share share) {
  constexpr std::int64_t kPiece = 1024;
  const std::int64_t size = copy.size[axis], pieces = (size + kPiece - 1) / kPiece;
  Walk walk;
  for (int a = 0; a < copy.axes; ++a)
    if (a != axis) walk.add(copy, a);
  const Range mine = rows_of(share, walk.count * pieces, size < kPiece ? size : kPiece);
  if (mine.begin == mine.end) return;
  walk.begin(mine.begin / pieces);
  for (std::int64_t unit = mine.begin, piece = unit % pieces; unit < mine.end; ++unit) {
    const std::int64_t at = piece * kPiece, n = size - at < kPiece ? size - at : kPiece;
    copy_run(x + walk.x + at * copy.from[axis], copy.from[axis], y + walk.y + at * copy.to[axis],
             copy.to[axis], n, accumulate);
    if (++piece == pieces) piece = 0, walk.next();
  }
}

// `across` neighbours of x from each of n rows, which become n neighbours of y in as many rows.
HOTLOOP_INLINE void turn_tile(const float* x, std::int64_t x_row, std::int64_t across, float* y,
                              std::int64_t y_row, std::int64_t n, bool accumulate) {
  F32 tile[kLanes];
  if (across == kLanes && n == kLanes) {
    load_transposed(x, x_row, tile);
  } else {
    for (int i = 0; i < kLanes; ++i) tile[i] = i < n ? load_or(x + i * x_row, across) : splat(0.0f);
    transpose(tile);
  }
  for (std::int64_t j = 0; j < across; ++j) put(y + j * y_row, tile[j], accumulate, n);
}

// Where neighbours in x lie along `axis`, and neighbours in y along the last one: by tiles of 16 by 16.
void turn(const StridedCopy& copy, int axis, const float* x, float* y, bool accumulate, Share share) {
  const int last = copy.axes - 1;
  const std::int64_t across = copy.size[axis], n = copy.size[last], bands = (across + kLanes - 1) / kLanes;
  Walk walk;
  for (int a = 0; a < last; ++a)
    if (a != axis) walk.add(copy, a);
  const Range mine = rows_of(share, walk.count * bands, n * kLanes);
  if (mine.begin == mine.end) return;
  walk.begin(mine.begin / bands);
  for (std::int64_t unit = mine.begin, band = unit % bands; unit < mine.end; ++unit) {
    const std::int64_t at = band * kLanes, cols = across - at < kLanes ? across - at : kLanes;
    const float* const from = x + walk.x + at;
    float* const to = y + walk.y + at * copy.to[axis];
    for (std::int64_t i = 0; i < n; i += kLanes) {
      // The last tile begins sooner, so that it is a whole one, where that changes nothing.
      if (!accumulate && n - i < kLanes && n >= kLanes) i = n - kLanes;
      turn_tile(from + i * copy.from[last], copy.from[last], cols, to + i, copy.to[axis],
                n - i < kLanes ? n - i : kLanes, accumulate);
    }
    if (++band == bands) band = 0, walk.next();
  }
}

// Tiles or runs of fewer numbers don't pay.
constexpr std::int64_t kThin = 4;

// The axis along which x's neighbours are to be turned into the last one, or -1.
int axis_to_turn(const StridedCopy& copy) {
  const int last = copy.axes - 1;
  if (copy.to[last] != 1 || copy.from[last] == 1 || copy.size[last] < kThin) return -1;
  for (int a = 0; a < last; ++a)
    if (copy.from[a] == 1 && copy.size[a] >= kThin) return a;
  return -1;
}

// The last axis, or the one before where it is thin.
int axis_to_run(const StridedCopy& copy) {
  const int last = copy.axes - 1;
  return last > 0 && copy.size[last] < kThin && copy.size[last - 1] > copy.size[last] ? last - 1 : last;
}

}  // namespace

namespace HOTLOOP_LEVEL {

void strided_copy_kernel(const StridedCopy& copy, const float* x, float* y, bool accumulate, Share share) {
  if (copy.axes == 0) {
    if (share.rank == 0) *y = accumulate ? *y + *x : *x;
    return;
  }
  const int axis = axis_to_turn(copy);
  if (axis >= 0)
    turn(copy, axis, x, y, accumulate, share);
  else
    copy_runs(copy, axis_to_run(copy), x, y, accumulate, share);
}

void clear_kernel(float* y, std::int64_t n, Share share) {
  const Range mine = share.of(n, 4 * kLanes);
  const F32 zero = splat(0.0f);
  each_vector(mine.end - mine.begin,
              [&](std::int64_t i, int count) HOTLOOP_BODY { store_or(y + mine.begin + i, zero, count); });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
