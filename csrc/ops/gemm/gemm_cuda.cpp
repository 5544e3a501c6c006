// Stands in for gemm.cpp: the choice of a tile, and no workspace.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/error.h"
#include "cuda/context.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/gemm_cuda.h"

namespace hotloop {
namespace {

// What a tile costs, in estimated clocks for each step of k: `alone` where a block has a multiprocessor to
// itself and waits for its own sums, `full` for each block where there are `resident` to take turns.
struct TileCost {
  GemmTile tile;
  const char* name;
  std::int64_t rows, cols, resident;
  double alone, full;
};
constexpr TileCost kTiles[] = {
    {GemmTile::t128x256, "128x256", 128, 256, 1, 275, 275},
    {GemmTile::t128x128, "128x128", 128, 128, 2, 190, 140},
    {GemmTile::t64x64, "64x64", 64, 64, 4, 60, 40},
    {GemmTile::t32x32, "32x32", 32, 32, 8, 26, 13},
    {GemmTile::t16x16, "16x16", 16, 16, 12, 9.5, 5},
    {GemmTile::t64x16, "64x16", 64, 16, 4, 16, 13},
    {GemmTile::t8x32, "8x32", 8, 32, 5, 9.5, 6},
};

std::int64_t divide_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

double clocks(const TileCost& cost, const GemmArgs& args, std::int64_t multiprocessors) {
  const std::int64_t blocks = divide_up(args.m, cost.rows) * divide_up(args.n, cost.cols);
  return std::max(static_cast<double>(divide_up(blocks, multiprocessors)) * cost.full,
                  static_cast<double>(divide_up(blocks, multiprocessors * cost.resident)) * cost.alone);
}

const TileCost& quickest_tile(const GemmArgs& args) {
  const std::int64_t multiprocessors = cuda::device_limits().multiprocessors;
  return *std::min_element(std::begin(kTiles), std::end(kTiles), [&](const TileCost& a, const TileCost& b) {
    return clocks(a, args, multiprocessors) < clocks(b, args, multiprocessors);
  });
}

// HOTLOOP_CUDA_GEMM_TILE=64x64 forces one, for tests and measurements.
const TileCost& tile_of(const GemmArgs& args) {
  const char* wanted = std::getenv("HOTLOOP_CUDA_GEMM_TILE");
  if (wanted == nullptr || *wanted == '\0') return quickest_tile(args);
  std::string known;
  for (const TileCost& each : kTiles) {
    if (std::string(wanted) == each.name) return each;
    known.append(known.empty() ? "" : ", ").append(each.name);
  }
  throw std::invalid_argument(
      message("HOTLOOP_CUDA_GEMM_TILE: expected one of ", known, ", got '", wanted, "'"));
}

}  // namespace

std::int64_t gemm_workspace(const GemmArgs&) { return 0; }

void gemm(const GemmArgs& args, float*, Share) {
  if (args.m <= 0 || args.n <= 0) return;
  GemmArgs plain = args;
  if (args.b_packed != nullptr) plain.b = args.b_packed, plain.b_row = args.n, plain.b_col = 1;
  plain.b_packed = nullptr;
  cuda::gemm_kernel(plain, tile_of(plain).tile);
}

const char* gemm_path(const GemmArgs& args) { return tile_of(args).name; }

// There is nothing to gain from another order: packed is row-major.
std::int64_t gemm_packed_size(std::int64_t k, std::int64_t n) { return k * n; }

void gemm_pack_b(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k, std::int64_t n,
                 float* packed, Share) {
  cuda::gemm_pack_kernel(b, b_row, b_col, k, n, packed);
}

std::int64_t gemm_batch_depth() { return std::numeric_limits<std::int32_t>::max(); }

// One launch after another: each chain goes on from what the one before left in C.
void gemm_batch(const GemmBatch& batch) {
  GemmArgs args;
  args.m = batch.m, args.n = batch.n, args.k = batch.k;
  args.a_row = batch.a_row, args.a_col = batch.a_col;
  args.c = batch.c, args.c_row = batch.c_row;
  args.bias = batch.bias, args.accumulate = batch.accumulate;
  for (std::int64_t i = 0; i < batch.count; ++i) {
    args.a = batch.a[i], args.b_packed = batch.b[i];
    if (batch.relu && i + 1 == batch.count) args.activation.kind = Activation::relu;
    gemm(args, nullptr, Share{});
    args.bias = nullptr, args.accumulate = true;
  }
}

}  // namespace hotloop
