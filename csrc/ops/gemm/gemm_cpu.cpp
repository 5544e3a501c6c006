// The walk over a product: blocks of depth, blocks of columns, tiles of rows, panels of columns. Edges in M
// are smaller tiles; edges in N are masked lanes of the last vector.
#include "cpu/simd/simd.h"
#include "cpu/simd/transpose.h"
#include "ops/gemm/gemm_kernels.h"
#include "ops/gemm/gemm_tile.h"

namespace hotloop {
namespace {

// Sixteen columns that lie as rows in memory (row stride 1), sixteen deep at a time. Where they collide, a
// row's line is read at once, as it would be gone when its next quarter is wanted.
void pack_transposed(const float* b, std::int64_t b_col, std::int64_t depth, std::int64_t cols, float* panel,
                     std::int64_t width, bool collide) {
  for (std::int64_t p = 0; p < depth; p += kLanes) {
    const std::int64_t deep = depth - p < kLanes ? depth - p : kLanes;
    F32 x[kLanes];
    if (deep == kLanes && cols >= kLanes && !collide) {
      load_transposed(b + p, b_col, x);
    } else {
      for (int j = 0; j < kLanes; ++j) x[j] = j < cols ? load_or(b + j * b_col + p, deep) : splat(0.0f);
      transpose(x);
    }
    for (int i = 0; i < deep; ++i) store(panel + (p + i) * width, x[i]);
  }
}

// depth x cols as whole vectors, the last one padded with zeros.
void pack_panel(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t depth, std::int64_t cols,
                int vectors, bool collide, float* panel) {
  const std::int64_t width = vectors * kLanes;
  if (b_col == 1) {
    for (std::int64_t p = 0; p < depth; ++p, b += b_row, panel += width)
      for (std::int64_t j = 0; j < width; j += kLanes) store(panel + j, load_or(b + j, cols - j));
  } else if (b_row == 1) {
    for (std::int64_t j = 0; j < width; j += kLanes)
      pack_transposed(b + j * b_col, b_col, depth, cols - j, panel + j, width, collide);
  } else {
    for (std::int64_t p = 0; p < depth; ++p, b += b_row, panel += width)
      for (std::int64_t j = 0; j < width; ++j) panel[j] = j < cols ? b[j * b_col] : 0.0f;
  }
}

// Neighbouring panels, `cols` columns each. Rows are read from end to end: a page is asked for once.
void pack_panels(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t depth,
                 std::int64_t panels, std::int64_t cols, int vectors, bool collide, float* room) {
  const std::int64_t width = vectors * kLanes, step = depth * width;
  if (b_col != 1 || panels == 1) {
    for (std::int64_t panel = 0; panel < panels; ++panel)
      pack_panel(b + panel * width * b_col, b_row, b_col, depth, cols, vectors, collide, room + panel * step);
    return;
  }
  for (std::int64_t p = 0; p < depth; ++p, b += b_row, room += width) {
    const float* from = b;
    for (std::int64_t panel = 0; panel < panels; ++panel, from += width)
      for (std::int64_t j = 0; j < width; j += kLanes) store(room + panel * step + j, load(from + j));
  }
}

// The two operands in their roles.
struct Walk {
  std::int64_t m, n, k;
  const float* rows;  // broadcast
  std::int64_t rows_row, rows_col;
  const float* cols;  // fill the vectors
  std::int64_t cols_row, cols_col;
  const float* packed;  // the whole of the latter, packed; this part begins at column packed_first
  std::int64_t packed_first, packed_cols;
};

Walk walk_of(const GemmPart& part, bool turned) {
  const GemmArgs& g = part.args;
  if (turned) return {g.n, g.m, g.k, g.b, g.b_col, g.b_row, g.a, g.a_col, g.a_row, nullptr, 0, 0};
  return {g.m, g.n,     g.k,     g.a,        g.a_row,           g.a_col,
          g.b, g.b_row, g.b_col, g.b_packed, part.packed_first, part.packed_cols};
}

// The bounds of block i of depth.
struct Block {
  std::int64_t k0, depth;
};
HOTLOOP_INLINE Block block_of(std::int64_t k, std::int64_t i, std::int64_t blocks) {
  const std::int64_t k0 = k * i / blocks;
  return {k0, k * (i + 1) / blocks - k0};
}
HOTLOOP_INLINE std::int64_t blocks_of(std::int64_t k, std::int64_t most) {
  return k > 0 ? (k + most - 1) / most : 1;
}

// Where a panel of a packed operand begins that starts at column `first` and row k0.
HOTLOOP_INLINE std::int64_t packed_offset(Block block, std::int64_t first, std::int64_t cols) {
  return block.k0 * round_up(cols, kLanes) + first * block.depth;
}
HOTLOOP_INLINE std::int64_t packed_width(std::int64_t first, std::int64_t cols) {
  return cols - first > kLanes ? kGemmPacked : kLanes;
}

// Neighbouring panels that one call of a tile runs over.
struct Run {
  const float* b;
  std::int64_t b_row, b_pair, b_step, first, panels;
  int vectors, last;  // last: lanes of its last vector that C has
  bool masked;
};

constexpr int kMostRuns = static_cast<int>(kMostColumns / kGemmPacked) + 4;

// The panels from column `first` on that one call can take, no further than `end`.
Run make_run(const Walk& w, const GemmPlan& plan, std::int64_t first, std::int64_t end, Block block,
             float* room) {
  const std::int64_t left = end - first;
  Run run;
  const int widest = w.m <= kFewRows && !plan.turned ? kFewVectors : kVectors;
  run.vectors = left > (widest - 1) * kLanes ? widest : left > kLanes && kVectors > 1 ? kVectors : 1;
  run.first = first, run.masked = false;
  const std::int64_t width = run.vectors * kLanes, cols = left < width ? left : width;
  run.panels = cols < width ? 1 : left / width;
  run.last = static_cast<int>(cols - (run.vectors - 1) * kLanes);
  if (w.packed != nullptr) {
    const std::int64_t at = w.packed_first + first, panel = at / kGemmPacked * kGemmPacked;
    run.b_row = packed_width(panel, w.packed_cols);
    run.b = w.packed + packed_offset(block, panel, w.packed_cols) + (at - panel);
    run.b_pair = kGemmPacked * block.depth;
    run.b_step = width < kGemmPacked ? width : width * block.depth;
    if (width < kGemmPacked) {
      const std::int64_t here = (panel + kGemmPacked - at) / width;
      run.panels = run.panels < here ? run.panels : here;
    }
    return run;
  }
  run.b = w.cols + block.k0 * w.cols_row + first * w.cols_col, run.b_row = w.cols_row;
  run.b_pair = 2 * kLanes, run.b_step = width;
  if (plan.pack_cols || (cols < width && (plan.turned || !kMaskedLoads))) {
    pack_panels(run.b, w.cols_row, w.cols_col, block.depth, run.panels, cols, run.vectors, plan.cols_collide,
                room);
    run.b = room, run.b_row = width, run.b_step = block.depth * width;
  } else {
    run.masked = cols < width;
  }
  return run;
}

// Packs the tiles of the broadcast operand from number `tile` on, kGemmGroup at most, side by side.
void pack_tiles(const Walk& w, std::int64_t tile, std::int64_t tiles, Block block, float* room) {
  const std::int64_t count = tiles - tile < kGemmGroup ? tiles - tile : kGemmGroup;
  std::int64_t begin[kGemmGroup + 1];
  for (std::int64_t i = 0; i <= count; ++i) begin[i] = w.m * (tile + i) / tiles;
  const float* a = w.rows + block.k0 * w.rows_col;
  const std::int64_t step = block.depth * kLanes;
  if (w.rows_row != 1) {
    for (std::int64_t i = 0; i < count; ++i)
      pack_panel(a + begin[i] * w.rows_row, w.rows_col, w.rows_row, block.depth, begin[i + 1] - begin[i], 1,
                 false, room + i * step);
    return;
  }
  // A step of depth is far from the next one in memory: the next group's part of it is asked for meanwhile.
  const bool more = tile + count < tiles;
  for (std::int64_t p = 0; p < block.depth; ++p, a += w.rows_col, room += kLanes) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (more) __builtin_prefetch(a + begin[count] + i * kLanes, 0, 2);
      store(room + i * step, load_or(a + begin[i], begin[i + 1] - begin[i]));
    }
  }
}

// Memory that is fetched while something else is computed, evenly over its steps.
struct Ahead {
  const char* begin;
  std::int64_t bytes;
};
Ahead memory(const float* begin, std::int64_t size) {
  return {reinterpret_cast<const char*>(begin), 4 * size};
}

// What of a packed B follows block i of the columns [first, end): it comes from further away than the
// second-level cache. Nothing after the last.
Ahead next_packed(const Walk& w, const GemmPlan& plan, std::int64_t first, std::int64_t end, std::int64_t i,
                  std::int64_t blocks) {
  const bool deeper = i + 1 < blocks;
  if (w.packed == nullptr || w.m <= kFetchRows || (!deeper && end == w.n)) return {nullptr, 0};
  const Block block = block_of(w.k, deeper ? i + 1 : 0, blocks);
  if (!deeper) first = end;
  const std::int64_t cols = w.n - first < plan.columns ? w.n - first : plan.columns;
  return memory(w.packed + packed_offset(block, w.packed_first + first, w.packed_cols),
                block.depth * round_up(cols, kLanes));
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_pack_kernel(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                      std::int64_t first, std::int64_t end, float* packed) {
  const std::int64_t blocks = blocks_of(k, kGemmDepth);
  for (std::int64_t i = 0; i < blocks; ++i) {
    const Block block = block_of(k, i, blocks);
    const float* from = b + block.k0 * b_row;
    const std::int64_t whole = (end - first) / kGemmPacked, rest = first + whole * kGemmPacked;
    pack_panels(from + first * b_col, b_row, b_col, block.depth, whole, kGemmPacked, 2, false,
                packed + packed_offset(block, first, n));
    if (rest < end)
      pack_panel(from + rest * b_col, b_row, b_col, block.depth, end - rest,
                 static_cast<int>(packed_width(rest, n)) / kLanes, false,
                 packed + packed_offset(block, rest, n));
  }
}

void gemm_kernel(const GemmPart& part, const GemmPlan& plan, float* workspace) {
  const GemmArgs& g = part.args;
  const Walk w = walk_of(part, plan.turned);
  // Tiles of nearly equal height: 32 rows are 11 + 11 + 10, never 14 + 14 + 4.
  const std::int64_t high = plan.rows < kRows ? plan.rows : kRows, tiles = (w.m + high - 1) / high;
  const std::int64_t blocks = blocks_of(w.k, plan.depth);
  const std::int64_t width = (w.m <= kFewRows && !plan.turned ? kFewVectors : kVectors) * kLanes;
  // Blocks of one stretch of columns follow each other while its part of C is in the cache.
  for (std::int64_t first = 0, end; first < w.n; first = end) {
    const std::int64_t lead = first == 0 ? plan.lead : 0, width_here = plan.columns + lead;
    end = w.n - first < width_here ? w.n : first + width_here;
    for (std::int64_t i = 0; i < blocks; ++i) {
      const Block block = block_of(w.k, i, blocks);
      Tile t;
      t.depth = block.depth, t.c_row = g.c_row, t.count = 1, t.a_at = 0, t.b_at = 0, t.turned = plan.turned;
      t.start = i > 0 || g.accumulate ? Start::c : g.bias != nullptr ? Start::bias : Start::zero;
      t.relu = i + 1 == blocks && g.activation.kind == Activation::relu;
      float* room = workspace + (plan.pack_rows ? kGemmGroup * kLanes * block.depth : 0);
      Run runs[kMostRuns];
      int count = 0;
      for (std::int64_t at = first; at < end; ++count) {
        const Run run = make_run(w, plan, at, at < lead ? lead : end, block, room);
        runs[count] = run;
        at += at < lead ? lead : run.panels * run.vectors * kLanes;
        room += run.panels * block.depth * run.vectors * kLanes;
      }
      const std::int64_t steps = block.depth * ((end - first + width - 1) / width);
      const Ahead next = next_packed(w, plan, first, end, i, blocks);
      t.ahead = next.begin, t.ahead_step = steps > 0 ? next.bytes / (steps * tiles) + 1 : 0;
      // With few columns the rows of A go by too fast to be waited for.
      const bool stream = !plan.turned && !plan.pack_rows && w.packed == nullptr && w.n <= 128 &&
                          w.m * w.k > 65536 && w.rows_col == 1 && w.rows_row == block.depth;
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        const std::int64_t row = w.m * tile / tiles;
        const int rows = static_cast<int>(w.m * (tile + 1) / tiles - row);
        const float* a = w.rows + row * w.rows_row + block.k0 * w.rows_col;
        t.a = &a, t.a_row = w.rows_row, t.a_col = w.rows_col;
        if (plan.pack_rows) {
          if (tile % kGemmGroup == 0) pack_tiles(w, tile, tiles, block, workspace);
          a = workspace + tile % kGemmGroup * block.depth * kLanes, t.a_row = 1, t.a_col = kLanes;
        } else if (stream) {
          const Ahead rows_next = memory(a + rows * w.rows_row, rows * w.rows_row);
          t.ahead = tile + 1 < tiles ? rows_next.begin : nullptr;
          t.ahead_step = rows_next.bytes / steps + 1;
        }
        for (int j = 0; j < count; ++j) {
          const Run& run = runs[j];
          const std::int64_t c_row = plan.turned ? run.first : row, c_col = plan.turned ? row : run.first;
          t.b = &run.b, t.b_row = run.b_row, t.b_pair = run.b_pair, t.b_step = run.b_step;
          t.panels = run.panels, t.last = run.last, t.masked = run.masked;
          t.c = g.c + c_row * g.c_row + c_col;
          t.c_step = run.vectors * kLanes * (plan.turned ? g.c_row : 1);
          t.bias = g.bias != nullptr ? g.bias + c_col : nullptr;
          run_tile(rows, run.vectors, t);
          if (t.ahead != nullptr) t.ahead += t.ahead_step * block.depth * run.panels;
        }
      }
    }
  }
}

void gemm_batch_kernel(const GemmBatch& g) {
  const Walk w{g.m, g.n, g.k, g.a[0], g.a_row, g.a_col, nullptr, 0, 0, g.b[0], 0, g.n};
  const std::int64_t tiles = (w.m + kRows - 1) / kRows;
  Tile t;
  t.a = g.a, t.a_row = g.a_row, t.a_col = g.a_col;
  t.b = g.b, t.count = g.count, t.depth = g.k;
  t.c_row = g.c_row, t.relu = g.relu, t.turned = false, t.ahead = nullptr;
  t.start = g.accumulate ? Start::c : g.bias != nullptr ? Start::bias : Start::zero;
  std::int64_t row = 0;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const int rows = static_cast<int>(w.m * (tile + 1) / tiles - row);
    t.a_at = row * g.a_row;
    for (std::int64_t first = 0; first < w.n;) {
      const Run run = make_run(w, GemmPlan{}, first, w.n, {0, w.k}, nullptr);
      t.b_at = run.b - g.b[0], t.b_row = run.b_row, t.b_pair = run.b_pair, t.b_step = run.b_step;
      t.panels = run.panels, t.last = run.last, t.masked = run.masked;
      t.c = g.c + row * g.c_row + first, t.c_step = run.vectors * kLanes;
      t.bias = g.bias != nullptr ? g.bias + first : nullptr;
      run_tile(rows, run.vectors, t);
      first += run.panels * run.vectors * kLanes;
    }
    row += rows;
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
