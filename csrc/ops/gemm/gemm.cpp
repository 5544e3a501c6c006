#include "ops/gemm/gemm.h"

#include <algorithm>

#include "cpu/cache.h"
#include "ops/gemm/gemm_kernels.h"

namespace hotloop {
namespace {

// A rank's own rectangle of C: the team is a grid of `down` by `across` ranks.
struct Rectangle {
  Range rows, cols;
};

Rectangle part_of(const GemmArgs& args, Share share) {
  // Below this much work a rank costs more to wake than it saves.
  constexpr std::int64_t kFlopsPerRank = 50'000;
  const std::int64_t flops = 2 * args.m * args.n * std::max<std::int64_t>(args.k, 1);
  const int ranks = static_cast<int>(std::clamp<std::int64_t>(flops / kFlopsPerRank, 1, share.size));
  if (share.rank >= ranks) return {{0, 0}, {0, 0}};
  // Ranks side by side share no packing, so columns are split first, while each has panels enough.
  const std::int64_t panels = (args.n + kGemmPanel - 1) / kGemmPanel;
  int across = 1;
  for (int d = 1; d <= ranks; ++d)
    if (ranks % d == 0 && panels >= 2 * d) across = d;
  const int down = ranks / across;
  return {Share{share.rank / across, down}.of(args.m),
          Share{share.rank % across, across}.of(args.n, kGemmPanel)};
}

// One column of an A that lies transposed is computed as one row, whose elements are neighbours: (A b)' = b'
// A'. Each element's chain, and so its bits, stay the same.
bool is_column(const GemmArgs& args) {
  return args.n == 1 && args.c_row == 1 && args.m > 1 && args.a_row == 1 && args.a_col != 1 &&
         args.b_packed == nullptr;
}

GemmArgs as_row(const GemmArgs& args) {
  GemmArgs row = args;
  row.m = 1, row.n = args.m, row.c_row = args.m;
  row.a = args.b, row.a_row = 1, row.a_col = args.b_row;
  row.b = args.a, row.b_row = args.a_col, row.b_col = args.a_row;
  return row;
}

// Whether C' = B' A' is less work, counted in vectors of products; a number that is transposed on the way
// costs as much as one. Turned, A and C are transposed instead of B, and the last vector is filled up with
// rows of C instead of columns.
bool worth_turning(const GemmArgs& g) {
  if (g.b_packed != nullptr || (g.b_col != 1 && g.b_row != 1) || (g.a_col != 1 && g.a_row != 1)) return false;
  const auto vectors = [](std::int64_t n) { return (n + kGemmLanes - 1) / kGemmLanes; };
  const std::int64_t as_it_is = g.m * vectors(g.n) * g.k + (g.b_col != 1 ? g.k * g.n : 0);
  const std::int64_t turned =
      g.n * vectors(g.m) * g.k + (g.a_row != 1 ? g.m * g.k : 0) + g.m * g.n * ((g.k + 1023) / 1024);
  return g.b_col != 1 ? turned < as_it_is : 10 * turned < 9 * as_it_is;
}

constexpr std::int64_t kTurnedColumns = 192, kTurnedDepth = 4096, kMostTurned = 6;

// Whether so many rows, `stride` floats apart, throw each other out of the first-level cache while a line of
// each is in use. Not asked of what is over at once.
bool collide(std::int64_t stride, std::int64_t rows, std::int64_t depth) {
  return rows >= caches().l1.ways && rows * depth >= 4096 && rows_collide(caches().l1, 4 * stride, rows);
}

// Rows of the broadcast operand, `stride` apart or neighbours, that a tile may read at a time.
std::int64_t rows_at_once(std::int64_t stride, std::int64_t rows, std::int64_t depth) {
  const std::int64_t high = isa_level() >= Isa::avx512 ? kTallestTile : kTallestNarrowTile;
  if (stride == 1 || !collide(stride, std::min(rows, high), depth)) return kTallestTile;
  return std::max<std::int64_t>(caches().l1.ways - 1, 1);
}

GemmPlan turned_plan(const GemmArgs& g) {
  GemmPlan plan{};
  plan.turned = true;
  const std::int64_t blocks = (g.m + kTurnedColumns - 1) / kTurnedColumns;
  plan.columns = round_up((g.m + blocks - 1) / blocks, kGemmPacked);
  plan.depth = std::min(block_sizes().gemm_block / plan.columns, kTurnedDepth);
  plan.pack_cols = g.a_row != 1 || g.n > 140;
  plan.cols_collide = g.a_row != 1 && collide(g.a_row, std::min(g.m, kGemmLanes), g.k);
  plan.rows = rows_at_once(g.b_col, g.n, g.k);
  return plan;
}

GemmPlan plan_of(const GemmArgs& g) {
  if (worth_turning(g)) return turned_plan(g);
  const BlockSizes& sizes = block_sizes();
  GemmPlan plan{};
  const bool scattered = g.a_row != 1 && g.a_col != 1;
  // A tile's rows are read once for each panel of columns.
  const auto read_again = [&] {
    return g.n > 32 && ((g.m >= 1024 && g.k > 64) || !strip_fits(caches().l2, 4 * g.a_col, g.k));
  };
  plan.pack_rows = scattered || (g.a_row == 1 && (g.n > 128 || read_again()));
  plan.rows = plan.pack_rows ? kTallestTile : rows_at_once(g.a_row, g.m, g.k);
  // Lower tiles cost next to nothing (14 rows to 7: 1% at 1024 cubed), packing 4 to 6%; but so low ones would
  // wait for their own sums.
  if (plan.rows < kLowestTile && g.n > 32 && g.b_packed == nullptr)
    plan.pack_rows = true, plan.rows = kTallestTile;
  // Blocks are wider where the rows are packed anew for each.
  const std::int64_t wide = sizes.gemm_block / sizes.gemm_depth * (plan.pack_rows ? 2 : 1);
  plan.columns = std::max(kGemmPanel, std::min({round_up(g.n, kGemmPanel),
                                                round_up(wide + 1, kGemmPanel) - kGemmPanel, kMostColumns}));
  if (!plan.pack_rows && g.m <= 28) plan.columns = 128;
  // While one block of a packed B is used the next is fetched, and both have to stay in the cache; with few
  // rows there is nothing to hide that behind.
  if (g.b_packed != nullptr) plan.columns = g.m <= kFetchRows ? 512 : g.m <= 512 ? 128 : 256;
  // What has to be transposed is used while it is in the first-level cache.
  if (g.b_col != 1 && g.k <= 64) plan.columns = 64;
  // Whatever its width came to, a block is no larger than its room; a packed B has its own depth.
  plan.depth =
      g.b_packed != nullptr ? kGemmDepth : std::min(sizes.gemm_block / plan.columns, sizes.gemm_depth);
  // Packing B takes as long as a few rows of C. It pays sooner where vectors lie across cache lines, where B
  // is no guest of the second-level cache, and where its rows fall on top of each other.
  const bool large = g.k * g.n > sizes.gemm_guest, stacked = 4 * g.b_row % caches().l1.way() == 0;
  const std::int64_t in_place = stacked ? 42 : large ? 60 : g.b_row % kGemmLanes != 0 ? 70 : 140;
  plan.pack_cols = g.b_col != 1 || g.m > in_place;
  plan.cols_collide = g.b_col != 1 && collide(g.b_col, std::min(g.n, kGemmLanes), g.k);
  // Read in place, a vector that lies across two cache lines costs two loads: NumPy's arrays begin a quarter
  // of a line late. A short first panel puts that right for all the others.
  if (!plan.pack_cols && g.b_packed == nullptr && g.n >= 384 && g.b_row % kGemmLanes == 0)
    plan.lead =
        (kGemmLanes - static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(g.b) / 4 % kGemmLanes)) %
        kGemmLanes;
  return plan;
}

// One row times a matrix that lies transposed: dot products.
bool is_dots(const GemmArgs& g) { return g.m == 1 && g.b_row == 1 && g.b_col != 1 && g.b_packed == nullptr; }

// How many of the last columns would leave a vector nearly empty, and are made otherwise: one to three as dot
// products of A's rows or, where A lies transposed, one to six turned.
std::int64_t last_columns(const GemmArgs& g) {
  const std::int64_t rest = g.n % kGemmLanes;
  const bool dots = g.a_col == 1, turns = g.a_row == 1 && (g.b_col == 1 || g.b_row == 1) && g.n > kGemmLanes;
  if (rest == 0 || rest > (dots ? kGemmMostDots : kMostTurned) || !(dots || turns)) return 0;
  if (g.b == nullptr || worth_turning(g)) return 0;
  return g.n == 1 || (g.m >= 8 && g.k >= kGemmLanes) ? rest : 0;
}

// The last columns of the part, or the whole of a row's dot products.
void run_last(const GemmPart& part, std::int64_t columns, float* workspace) {
  const GemmArgs& g = part.args;
  const bool relu = g.activation.kind == Activation::relu;
  if (is_dots(g)) {
    const bool stacked = collide(g.b_col, std::min(g.n, 2 * kGemmLanes), g.k);
    const GemmDots dots{g.n, 1, g.k,    g.b, g.b_col, g.a,          g.a_col, 0,      g.c,
                        1,   0, g.bias, 1,   0,       g.accumulate, relu,    stacked};
    return HOTLOOP_SELECT(gemm_dots_kernel)(dots);
  }
  GemmPart last = part;
  const std::int64_t first = g.n - columns;
  last.args.n = columns, last.args.b += first * g.b_col, last.args.c += first, last.args.b_packed = nullptr;
  if (g.bias != nullptr) last.args.bias += first;
  const GemmArgs& l = last.args;
  const bool stacked = collide(l.a_row, std::min(l.m, 2 * kGemmLanes), l.k);
  const GemmDots dots{l.m,     l.n, l.k,    l.a, l.a_row, l.b,          l.b_row, l.b_col, l.c,
                      l.c_row, 1,   l.bias, 0,   1,       l.accumulate, relu,    stacked};
  if (g.a_col == 1)
    HOTLOOP_SELECT(gemm_dots_kernel)(dots);
  else
    HOTLOOP_SELECT(gemm_kernel)(last, turned_plan(l), workspace);
}

}  // namespace

// A block of the vector operand, with a vector more for a short first panel, and beside it packed tiles of
// the other. Strides may not be known yet: enough for all of them.
std::int64_t gemm_workspace(const GemmArgs& args) {
  const std::int64_t k = std::max<std::int64_t>(args.k, 1);
  const std::int64_t columns = round_up(std::max(args.n, is_column(args) ? args.m : 1), kGemmPanel);
  const std::int64_t turned = round_up(std::max<std::int64_t>(args.m, 1), kGemmPanel);
  const std::int64_t deep = std::min<std::int64_t>(k, kGemmDepth);
  const std::int64_t block = block_sizes().gemm_block;
  return std::max(std::min(columns * k, block), std::min(turned * k, block)) +
         (kGemmGroup + 1) * kGemmLanes * deep;
}

std::int64_t gemm_packed_size(std::int64_t k, std::int64_t n) { return round_up(n, kGemmLanes) * k; }

void gemm_pack_b(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                 float* packed, Share share) {
  const Range part = share.of(n, kGemmPacked);
  if (k <= 0 || part.begin >= part.end) return;
  HOTLOOP_SELECT(gemm_pack_kernel)(b, b_row, b_col, k, n, part.begin, part.end, packed);
}

void gemm(const GemmArgs& args, float* workspace, Share share) {
  GemmPart part;
  GemmArgs& mine = part.args = is_column(args) ? as_row(args) : args;
  const Rectangle own = part_of(mine, share);
  part.packed_first = own.cols.begin, part.packed_cols = mine.n;
  mine.m = own.rows.end - own.rows.begin;
  mine.n = own.cols.end - own.cols.begin;
  if (mine.m <= 0 || mine.n <= 0) return;
  mine.a += own.rows.begin * mine.a_row;
  if (mine.b != nullptr) mine.b += own.cols.begin * mine.b_col;
  mine.c += own.rows.begin * mine.c_row + own.cols.begin;
  if (is_column(args) && args.bias != nullptr) {
    std::fill_n(mine.c, mine.n, *args.bias);
    mine.bias = nullptr, mine.accumulate = true;
  } else if (args.bias != nullptr) {
    mine.bias += own.cols.begin;
  }
  const std::int64_t columns = mine.n, last = is_dots(mine) ? columns : last_columns(mine);
  mine.n -= last;
  if (mine.n > 0) HOTLOOP_SELECT(gemm_kernel)(part, plan_of(mine), workspace);
  mine.n = columns;
  if (last > 0) run_last(part, last, workspace);
  if (args.activation.kind == Activation::linear || args.activation.kind == Activation::relu) return;
  if (mine.c_row == mine.n) mine.n *= mine.m, mine.m = 1;
  for (std::int64_t i = 0; i < mine.m; ++i) {
    float* row = mine.c + i * mine.c_row;
    activation_forward(args.activation, row, row, mine.n, Share{});
  }
}

const char* gemm_path(const GemmArgs& args) {
  const GemmArgs g = is_column(args) ? as_row(args) : args;
  const std::int64_t last = is_dots(g) ? g.n : last_columns(g);
  if (last == g.n) return "dots";
  if (last > 0) return g.a_col == 1 ? "dots at the end" : "turned at the end";
  const GemmPlan plan = plan_of(g);
  const bool low = plan.rows < kTallestTile;
  if (g.b_packed != nullptr && plan.pack_rows) return "b packed before, a packed";
  if (g.b_packed != nullptr) return low ? "b packed before, low tiles" : "b packed before";
  if (plan.turned && plan.pack_cols) return low ? "turned, a packed, low tiles" : "turned, a packed";
  if (plan.turned) return low ? "turned, low tiles" : "turned";
  if (plan.pack_rows) return plan.pack_cols ? "a and b packed" : "a packed";
  if (plan.pack_cols) return low ? "b packed, low tiles" : "b packed";
  return low ? "in place, low tiles" : "in place";
}

std::int64_t gemm_batch_depth() { return kGemmDepth; }

void gemm_batch(const GemmBatch& batch) {
  if (batch.m > 0 && batch.n > 0) HOTLOOP_SELECT(gemm_batch_kernel)(batch);
}

}  // namespace hotloop
