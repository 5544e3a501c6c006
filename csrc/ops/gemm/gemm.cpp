#include "ops/gemm/gemm.h"

#include <algorithm>

#include "ops/gemm/gemm_kernels.h"

namespace hotloop {
namespace {

// A rank's own rectangle of C: the team is a grid of `down` by `across` ranks.
struct Part {
  Range rows, cols;
};

Part part_of(const GemmArgs& args, Share share) {
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

// One column is computed as one row, whose elements are neighbours: (A b)' = b' A'. Each element's chain, and
// so its bits, stay the same.
bool is_column(const GemmArgs& args) { return args.n == 1 && args.c_row == 1 && args.m > 1; }

GemmArgs turned(const GemmArgs& args) {
  GemmArgs row = args;
  row.m = 1, row.n = args.m, row.c_row = args.m;
  row.a = args.b, row.a_row = 1, row.a_col = args.b_row;
  row.b = args.a, row.b_row = args.a_col, row.b_col = args.a_row;
  return row;
}

}  // namespace

// A packed block of B, and beside it one packed tile of A.
std::int64_t gemm_workspace(const GemmArgs& args) {
  const std::int64_t columns = std::max(args.n, is_column(args) ? args.m : 1);
  const std::int64_t whole_panels = (columns + kGemmPanel - 1) / kGemmPanel * kGemmPanel;
  const std::int64_t depth = std::clamp<std::int64_t>(args.k, 1, kGemmDepth);
  return depth * (std::min(whole_panels, kGemmColumns) + kAlignment / size_of(DType::f32));
}

void gemm(const GemmArgs& args, float* workspace, Share share) {
  GemmArgs mine = is_column(args) ? turned(args) : args;
  const Part part = part_of(mine, share);
  mine.m = part.rows.end - part.rows.begin;
  mine.n = part.cols.end - part.cols.begin;
  if (mine.m <= 0 || mine.n <= 0) return;
  mine.a += part.rows.begin * mine.a_row;
  mine.b += part.cols.begin * mine.b_col;
  mine.c += part.rows.begin * mine.c_row + part.cols.begin;
  if (is_column(args) && args.bias != nullptr) {
    std::fill_n(mine.c, mine.n, *args.bias);
    mine.bias = nullptr, mine.accumulate = true;
  } else if (args.bias != nullptr) {
    mine.bias += part.cols.begin;
  }
  HOTLOOP_SELECT(gemm_kernel)(mine, workspace);
  if (args.activation.kind == Activation::linear || args.activation.kind == Activation::relu) return;
  if (mine.c_row == mine.n) mine.n *= mine.m, mine.m = 1;
  for (std::int64_t i = 0; i < mine.m; ++i) {
    float* row = mine.c + i * mine.c_row;
    activation_forward(args.activation, row, row, mine.n, Share{});
  }
}

}  // namespace hotloop
