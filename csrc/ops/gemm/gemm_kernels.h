// What gemm.cpp and the per-ISA kernels agree on.
#pragma once
#include "ops/gemm/gemm.h"

namespace hotloop {

// How a product is walked. The numbers of one operand are broadcast, those of the other fill the vectors: A
// and B in this order or, turned, B' and A', so that C' = B' A' comes out and the rows of C lie along the
// vectors.
struct GemmPlan {
  bool turned, pack_rows, pack_cols;  // rows: of the broadcast operand; cols: of the other one
  bool cols_collide;                  // what is transposed lies in rows that share the cache's sets
  std::int64_t rows;                  // that a tile may have
  std::int64_t depth, columns;        // a block of the vector operand is at most this deep and this wide
  std::int64_t lead;                  // columns before the first whose rows begin with a cache line
};

// Rows of the tallest tile at the levels from avx512 on, and below.
constexpr std::int64_t kTallestTile = 14, kTallestNarrowTile = 6, kLowestTile = 6;
// Columns of such a block at most.
constexpr std::int64_t kMostColumns = 1024;
// Tiles of rows that are packed at once, each kGemmLanes wide.
constexpr std::int64_t kGemmGroup = 8, kGemmLanes = 16;
// Columns are shared out among ranks in multiples of the widest panel.
constexpr std::int64_t kGemmPanel = 64;
// A packed B is blocks of nearly equal depth, each at most kGemmDepth; a block is panels kGemmPacked wide,
// the last of them half as wide where that holds it.
constexpr std::int64_t kGemmPacked = 32, kGemmDepth = 384;

// Up to so many rows of C the next block of a packed B is not fetched meanwhile.
constexpr std::int64_t kFetchRows = 6;

// A part of a product: packed_first is its first column in b_packed, which has packed_cols.
struct GemmPart {
  GemmArgs args;
  std::int64_t packed_first = 0, packed_cols = 0;
};

// Dot products of m rows, whose k numbers lie side by side, with n vectors: c[i c_row + j c_next].
struct GemmDots {
  std::int64_t m, n, k;
  const float* rows;
  std::int64_t row;  // from a row to the next
  const float* x;
  std::int64_t x_step, x_next;  // from a number of a vector to its next, from a vector to the next
  float* c;
  std::int64_t c_row, c_next;
  const float* bias;  // or null
  std::int64_t bias_row, bias_next;
  bool accumulate, relu;
  bool collide;  // the rows share the cache's sets
};
constexpr std::int64_t kGemmMostDots = 3;

// The whole part on this thread; of the activations it applies relu only.
HOTLOOP_PER_ISA(void gemm_kernel(const GemmPart& part, const GemmPlan& plan, float* workspace);)
HOTLOOP_PER_ISA(void gemm_batch_kernel(const GemmBatch& batch);)
HOTLOOP_PER_ISA(void gemm_dots_kernel(const GemmDots& dots);)
// B's columns [first, end) of n, first a multiple of kGemmPacked.
HOTLOOP_PER_ISA(void gemm_pack_kernel(const float* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k,
                                      std::int64_t n, std::int64_t first, std::int64_t end, float* packed);)

}  // namespace hotloop
