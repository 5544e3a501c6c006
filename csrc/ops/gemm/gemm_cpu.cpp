// Blocks of B are packed into panels one tile wide; tiles of C then run over them. Edges in M are smaller
// tiles; edges in N are panels padded with zeros, so that only C's last vector is ever masked.
#include "cpu/simd/simd.h"
#include "cpu/simd/transpose.h"
#include "ops/gemm/gemm_kernels.h"
#include "ops/gemm/gemm_tile.h"

namespace hotloop {
namespace {

// Sixteen columns of B that lie as rows in memory (b_row == 1), sixteen deep at a time.
void pack_transposed(const float* b, std::int64_t b_col, std::int64_t depth, std::int64_t cols, float* panel,
                     std::int64_t width) {
  for (std::int64_t p = 0; p < depth; p += kLanes) {
    const std::int64_t deep = depth - p < kLanes ? depth - p : kLanes;
    F32 x[kLanes];
    for (int j = 0; j < kLanes; ++j) x[j] = j < cols ? load_or(b + j * b_col + p, deep) : splat(0.0f);
    transpose(x);
    for (int i = 0; i < deep; ++i) store(panel + (p + i) * width, x[i]);
  }
}

// depth x cols of B as whole vectors, the last one padded with zeros.
void pack_panel(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t depth, std::int64_t cols,
                int vectors, float* panel) {
  const std::int64_t width = vectors * kLanes;
  if (b_col == 1) {
    for (std::int64_t p = 0; p < depth; ++p, b += b_row, panel += width)
      for (std::int64_t j = 0; j < width; j += kLanes) store(panel + j, load_or(b + j, cols - j));
  } else if (b_row == 1) {
    for (std::int64_t j = 0; j < width; j += kLanes)
      pack_transposed(b + j * b_col, b_col, depth, cols - j, panel + j, width);
  } else {
    for (std::int64_t p = 0; p < depth; ++p, b += b_row, panel += width)
      for (std::int64_t j = 0; j < width; ++j) panel[j] = j < cols ? b[j * b_col] : 0.0f;
  }
}

// B's columns from `first` on, one tile wide.
struct Panel {
  const float* b;
  std::int64_t b_row, first, width;
  int vectors, last;  // last: lanes of its last vector that C has
};

constexpr int kMostPanels = static_cast<int>(kGemmColumns / kLanes);

HOTLOOP_INLINE int panel_vectors(std::int64_t rows, std::int64_t cols) {
  const int widest = rows <= kFewRows ? kFewVectors : kVectors;
  if (cols >= widest * kLanes) return widest;
  return cols > kLanes && kVectors > 1 ? kVectors : 1;
}

// The panel that starts at column `first` of B, which begins at row k0; packed into room unless it can be
// read where it lies.
Panel make_panel(const GemmArgs& g, std::int64_t first, std::int64_t k0, std::int64_t depth, float* room) {
  constexpr std::int64_t kReuse = 48;  // rows of C from which packing pays
  Panel panel;
  panel.vectors = panel_vectors(g.m, g.n - first);
  panel.first = first, panel.width = panel.vectors * kLanes;
  const std::int64_t cols = g.n - first < panel.width ? g.n - first : panel.width;
  panel.last = static_cast<int>(cols - (panel.vectors - 1) * kLanes);
  panel.b = g.b + k0 * g.b_row + first * g.b_col, panel.b_row = g.b_row;
  if (g.b_col != 1 || cols < panel.width || g.m >= kReuse) {
    pack_panel(panel.b, g.b_row, g.b_col, depth, cols, panel.vectors, room);
    panel.b = room, panel.b_row = panel.width;
  }
  return panel;
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_kernel(const GemmArgs& g, float* workspace) {
  // Few rows: one panel at a time, all tiles while it is in the first-level cache. Many rows, or rows that A
  // has scattered: a block of panels in the second level, and a packed tile of A that runs over all of them.
  const bool scattered = g.a_row == 1 && g.a_col != 1;
  const bool blocked = g.m >= (scattered ? 48 : 384) && g.n > kGemmPanel;
  const std::int64_t columns = blocked ? kGemmColumns : 1;
  const std::int64_t tiles = (g.m + kRows - 1) / kRows;
  const std::int64_t blocks = g.k > 0 ? (g.k + kGemmDepth - 1) / kGemmDepth : 1;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t k0 = g.k * block / blocks, depth = g.k * (block + 1) / blocks - k0;
    Tile t;
    t.depth = depth, t.c_row = g.c_row;
    t.start = block > 0 || g.accumulate ? Start::c : g.bias != nullptr ? Start::bias : Start::zero;
    t.relu = block + 1 == blocks && g.activation.kind == Activation::relu;
    for (std::int64_t first = 0, next = 0; first < g.n; first = next) {
      float* const a_room = workspace;
      float* room = workspace + depth * kLanes;
      Panel panels[kMostPanels];
      int count = 0;
      for (; next < g.n && (next == first || next < first + columns); next += panels[count++].width) {
        panels[count] = make_panel(g, next, k0, depth, room);
        room += depth * panels[count].width;
      }
      // Tiles of nearly equal height: 32 rows are 11 + 11 + 10, never 14 + 14 + 4.
      for (std::int64_t i = 0; i < tiles; ++i) {
        const std::int64_t row = g.m * i / tiles;
        const int rows = static_cast<int>(g.m * (i + 1) / tiles - row);
        t.a = g.a + row * g.a_row + k0 * g.a_col, t.a_row = g.a_row, t.a_col = g.a_col;
        if (blocked) {
          pack_panel(t.a, g.a_col, g.a_row, depth, rows, 1, a_room);
          t.a = a_room, t.a_row = 1, t.a_col = kLanes;
        }
        for (int j = 0; j < count; ++j) {
          const Panel& panel = panels[j];
          t.b = panel.b, t.b_row = panel.b_row, t.last = panel.last;
          t.c = g.c + row * g.c_row + panel.first;
          t.bias = g.bias != nullptr ? g.bias + panel.first : nullptr;
          run_tile(rows, panel.vectors, t);
        }
      }
    }
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
