// Launching kernels that work along rows. Only for .cu files.
#pragma once
#include "base/types.h"
#include "cuda/device/staged_rows.h"
#include "cuda/launch.h"

namespace hotloop::cuda {
namespace {

// each(r) for every row r, by a half warp.
template <class F>
__global__ void __launch_bounds__(128) rows_kernel(F each, std::int64_t rows) {
  for (std::int64_t r = half_warp_number(); r < rows; r += half_warp_count()) each(r);
}
template <class F>
void launch_rows(const char* op, std::int64_t rows, const F& each) {
  constexpr std::int64_t kMostBlocks = 1 << 20;
  const std::int64_t blocks = divide_up(rows, 128 / kLanes);
  launch(op, rows_kernel<F>,
         {dim3(static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks)), dim3(128)}, each, rows);
}

// How rows that are staged go about it: by their length alone. A thread has 16 numbers of a row, so that
// 2,048 threads of a multiprocessor hold 128 KB, or more where the row is longer than 1,024 of them take.
struct StagedPlan {
  StagedRows rows;
  Grid grid;
  bool wide = false;  // four columns in one access
  explicit operator bool() const { return rows.teams > 0; }
};

// No plan where rows are so short that a half warp keeps one in the first-level cache, or longer than shared
// memory. pointers: what the kernel reads and writes rows of; null ones don't count.
template <class... P>
StagedPlan plan_staged(std::int64_t rows, std::int64_t cols, int stages, const P*... pointers) {
  constexpr std::int64_t kShort = 256, kEach = 16, kUsual = 256, kMost = 1024, kOwn = 2048;
  StagedPlan plan;
  if (cols <= kShort || cols > kLongRow) return plan;
  int size_log2 = 5;
  while (1 << size_log2 < kMost && kEach << size_log2 < cols) ++size_log2;
  const std::int64_t size = std::int64_t{1} << size_log2;
  const std::int64_t threads = size < kUsual ? kUsual : size, teams = threads / size;
  const std::int64_t stride = round_up(cols, kStageGrain) + kLanes;
  const std::int64_t shared = stages * teams * stride * 4;
  if (shared + kOwn > device_limits().shared_memory) return plan;
  plan.rows = {rows, static_cast<int>(cols), static_cast<int>(teams), size_log2, static_cast<int>(stride)};
  plan.grid = {dim3(static_cast<unsigned>(divide_up(rows, teams))), dim3(static_cast<unsigned>(threads)),
               static_cast<std::size_t>(shared)};
  plan.wide = cols % 4 == 0 && ((reinterpret_cast<std::uintptr_t>(pointers) % 16 == 0) && ...);
  return plan;
}

}  // namespace
}  // namespace hotloop::cuda
