// A block's part of C = act(A B + start) in float32. Slices of both operands pass through a ring in shared
// memory; each thread keeps its numbers of C in registers, as one chain of fma each from the first step of k
// to the last: tiles of any size give the same bits.
#pragma once
#include <cstdint>

#include "cuda/device/lanes.h"
#include "cuda/device/shared.h"

#include "ops/activation/activation_formula.h"
#include "ops/gemm/operand_fetch.cuh"

namespace hotloop {
namespace {

// A block of WarpsDown x WarpsAcross warps, each LanesDown x (32 / LanesDown) threads of ThreadRows x
// ThreadCols numbers. Stages: slices in the ring. Blocks: that shall fit on a multiprocessor.
template <int WarpsDown, int WarpsAcross, int LanesDown, int ThreadRows, int ThreadCols, int Depth,
          int Stages, int Blocks>
struct BlockTile {
  static constexpr int kThreads = 32 * WarpsDown * WarpsAcross, kDepth = Depth, kStages = Stages,
                       kBlocks = Blocks;
  static constexpr int kThreadRows = ThreadRows, kThreadCols = ThreadCols;
  static constexpr int kLanesAcross = 32 / LanesDown;
  static constexpr int kWarpRows = LanesDown * ThreadRows, kWarpCols = kLanesAcross * ThreadCols;
  static constexpr int kRows = WarpsDown * kWarpRows, kCols = WarpsAcross * kWarpCols;
  // A thread's rows and columns come in vectors of up to four neighbours; those of other lanes lie between.
  static constexpr int kRowVector = ThreadRows < 4 ? ThreadRows : 4;
  static constexpr int kColVector = ThreadCols < 4 ? ThreadCols : 4;
  static constexpr int kPitchA = kRows + kLinePadding, kPitchB = kCols + kLinePadding;
  static constexpr int kStage = Depth * (kPitchA + kPitchB);
  static constexpr int kSharedBytes = Stages * kStage * static_cast<int>(sizeof(float));

  // Neighbouring lanes share columns, every second one rows: then a warp reads its vectors in as few turns as
  // there are different ones.
  static constexpr int kPair = LanesDown > 1 ? 2 : 1;
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  static __device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x) / 32; }
  static __device__ __forceinline__ int warp_row() { return warp() % WarpsDown * kWarpRows; }
  static __device__ __forceinline__ int first_row() {
    return warp_row() + (lane() % kPair + lane() / (kPair * kLanesAcross) * kPair) * kRowVector;
  }
  static __device__ __forceinline__ int first_col() {
    return warp() / WarpsDown * kWarpCols + lane() / kPair % kLanesAcross * kColVector;
  }
  // From first_row() to a thread's i-th row, and likewise for columns.
  static constexpr int row_offset(int i) {
    return i / kRowVector * (LanesDown * kRowVector) + i % kRowVector;
  }
  static constexpr int col_offset(int j) {
    return j / kColVector * (kLanesAcross * kColVector) + j % kColVector;
  }
};

template <class A, class B>
struct BlockProduct {
  A a;
  B b;
  std::int64_t m, n;
  int k;
  float* c;
  std::int64_t c_row;
  const float* bias;  // or null
  bool accumulate;
  bool vectors;  // C's rows and the bias begin at multiples of 16 bytes
  ActivationArgs activation;
  unsigned tiles_down, tiles_across;
};

template <int n>
__device__ __forceinline__ void read_vector(const float* from, float* to) {
  if constexpr (n == 4) {
    const float4 v = *reinterpret_cast<const float4*>(from);
    to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
  } else if constexpr (n == 2) {
    const float2 v = *reinterpret_cast<const float2*>(from);
    to[0] = v.x, to[1] = v.y;
  } else {
    to[0] = *from;
  }
}
template <int n>
__device__ __forceinline__ void write_vector(float* to, const float* from) {
  if constexpr (n == 4)
    *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1], from[2], from[3]);
  else if constexpr (n == 2)
    *reinterpret_cast<float2*>(to) = make_float2(from[0], from[1]);
  else
    *to = *from;
}

// A thread's numbers of C.
template <class Tile>
struct Sums {
  static constexpr int kRows = Tile::kThreadRows, kCols = Tile::kThreadCols;
  float at[kRows][kCols];

  __device__ __forceinline__ void step(const float (&a)[kRows], const float (&b)[kCols]) {
#pragma unroll
    for (int i = 0; i < kRows; ++i)
#pragma unroll
      for (int j = 0; j < kCols; ++j) at[i][j] = __fmaf_rn(a[i], b[j], at[i][j]);
  }
};

// The operands of one step of k, from the thread's place in the first step of a slice.
template <class Tile>
struct Steps {
  const float *a, *b;
  __device__ __forceinline__ void read(int k, float (&rows)[Tile::kThreadRows],
                                       float (&cols)[Tile::kThreadCols]) const {
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; i += Tile::kRowVector)
      read_vector<Tile::kRowVector>(a + k * Tile::kPitchA + Tile::row_offset(i), rows + i);
#pragma unroll
    for (int j = 0; j < Tile::kThreadCols; j += Tile::kColVector)
      read_vector<Tile::kColVector>(b + k * Tile::kPitchB + Tile::col_offset(j), cols + j);
  }
};

// A whole slice: the next step's operands are on their way while this one's are multiplied. No more steps are
// unrolled than the cache of instructions holds.
template <class Tile>
__device__ __forceinline__ void multiply_slice(const Steps<Tile>& steps, Sums<Tile>& sums) {
  constexpr int kMost = 1024 / (Tile::kThreadRows * Tile::kThreadCols);
  constexpr int kUnrolled = Tile::kDepth < kMost ? Tile::kDepth : kMost;
  static_assert(Tile::kDepth % kUnrolled == 0);
#pragma unroll 1
  for (int first = 0; first < Tile::kDepth; first += kUnrolled) {
    float rows[2][Tile::kThreadRows], cols[2][Tile::kThreadCols];
    steps.read(first, rows[0], cols[0]);
#pragma unroll
    for (int k = 0; k < kUnrolled; ++k) {
      if (k + 1 < kUnrolled) steps.read(first + k + 1, rows[(k + 1) % 2], cols[(k + 1) % 2]);
      sums.step(rows[k % 2], cols[k % 2]);
    }
  }
}
// The last slice: products with zeros beyond the end would turn a -0 into 0.
template <class Tile>
__device__ __forceinline__ void multiply_rest(const Steps<Tile>& steps, int depth, Sums<Tile>& sums) {
  float rows[Tile::kThreadRows], cols[Tile::kThreadCols];
#pragma unroll 1
  for (int k = 0; k < depth; ++k) {
    steps.read(k, rows, cols);
    sums.step(rows, cols);
  }
}

// Calls each(i, j, vector) for every vector of the thread's sums that begins inside C; vector: whether all of
// it lies inside, and is aligned.
template <class Tile, class Product, class Each>
__device__ __forceinline__ void each_vector_of_c(const Product& p, std::int64_t row, std::int64_t col,
                                                 Each each) {
#pragma unroll
  for (int i = 0; i < Tile::kThreadRows; ++i)
#pragma unroll
    for (int j = 0; j < Tile::kThreadCols; j += Tile::kColVector) {
      const std::int64_t at = col + Tile::col_offset(j);
      if (row + Tile::row_offset(i) < p.m && at < p.n) each(i, j, p.vectors && at + Tile::kColVector <= p.n);
    }
}

template <class Tile, class Product>
__device__ __forceinline__ void begin_sums(const Product& p, std::int64_t row, std::int64_t col,
                                           Sums<Tile>& sums) {
  constexpr int kVector = Tile::kColVector;
#pragma unroll
  for (int i = 0; i < Tile::kThreadRows; ++i)
#pragma unroll
    for (int j = 0; j < Tile::kThreadCols; ++j) sums.at[i][j] = 0.0f;
  if (!p.accumulate && p.bias == nullptr) return;
  const float* const from = p.accumulate ? p.c + row * p.c_row + col : p.bias + col;
  const std::int64_t from_row = p.accumulate ? p.c_row : 0;
  each_vector_of_c<Tile>(p, row, col, [&](int i, int j, bool vector) {
    const float* const at = from + Tile::row_offset(i) * from_row + Tile::col_offset(j);
    if (vector)
      read_vector<kVector>(at, &sums.at[i][j]);
    else
#pragma unroll
      for (int e = 0; e < kVector; ++e)
        if (col + Tile::col_offset(j + e) < p.n) sums.at[i][j + e] = at[e];
  });
}

template <class Tile, class Product>
__device__ __forceinline__ void store_sums(const Product& p, std::int64_t row, std::int64_t col,
                                           Sums<Tile>& sums) {
  constexpr int kVector = Tile::kColVector;
  if (p.activation.kind == Activation::relu) {
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; ++i)
#pragma unroll
      for (int j = 0; j < Tile::kThreadCols; ++j) sums.at[i][j] = Relu{}.value(F32{sums.at[i][j]}).lane;
  }
  float* const c = p.c + row * p.c_row + col;
  each_vector_of_c<Tile>(p, row, col, [&](int i, int j, bool vector) {
    float* const to = c + Tile::row_offset(i) * p.c_row + Tile::col_offset(j);
    if (vector)
      write_vector<kVector>(to, &sums.at[i][j]);
    else
#pragma unroll
      for (int e = 0; e < kVector; ++e)
        if (col + Tile::col_offset(j + e) < p.n) to[e] = sums.at[i][j + e];
  });
}

// The other activations, on the numbers that this thread has just stored: in a loop, since each formula
// unrolled over all sums would be thousands of instructions.
template <class Tile, class Product>
__device__ __forceinline__ void activate(const Product& p, std::int64_t row, std::int64_t col) {
  if (p.activation.kind == Activation::linear || p.activation.kind == Activation::relu) return;
  with_formula(p.activation, [&](auto formula) {
#pragma unroll 1
    for (int e = 0; e < Tile::kThreadRows * Tile::kThreadCols; ++e) {
      const std::int64_t i = row + Tile::row_offset(e / Tile::kThreadCols);
      const std::int64_t j = col + Tile::col_offset(e % Tile::kThreadCols);
      if (i >= p.m || j >= p.n) continue;
      float* const at = p.c + i * p.c_row + j;
      *at = formula.value(F32{*at}).lane;
    }
  });
}

// Blocks that run at the same time make a part of C that is about as high as it is wide: fewer different rows
// of A and columns of B pass through the second-level cache.
constexpr unsigned kBand = 16;

template <class Tile, class A, class B>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    gemm_block_kernel(const __grid_constant__ BlockProduct<A, B> p) {
  const unsigned band = blockIdx.x / (kBand * p.tiles_across) * kBand;
  const unsigned inside = blockIdx.x % (kBand * p.tiles_across);
  const unsigned height = p.tiles_down - band < kBand ? p.tiles_down - band : kBand;
  const std::int64_t tile_row = std::int64_t{band + inside % height} * Tile::kRows;
  const std::int64_t tile_col = std::int64_t{inside / height} * Tile::kCols;

  typename A::template Fetch<Tile::kRows, Tile::kDepth, Tile::kThreads> fetch_a(p.a, tile_row);
  typename B::template Fetch<Tile::kCols, Tile::kDepth, Tile::kThreads> fetch_b(p.b, tile_col);
  float* const ring = reinterpret_cast<float*>(dynamic_shared());
  int to_fetch = p.k;
  int fetched_to = 0;  // the stage
  const auto fetch = [&] {
    if (to_fetch > 0) {
      float* const stage = ring + fetched_to * Tile::kStage;
      const int depth = to_fetch < Tile::kDepth ? to_fetch : Tile::kDepth;
      fetch_a.next(stage, depth);
      fetch_b.next(stage + Tile::kDepth * Tile::kPitchA, depth);
      to_fetch -= Tile::kDepth;
      fetched_to = fetched_to + 1 < Tile::kStages ? fetched_to + 1 : 0;
    }
    copies_commit();
  };
#pragma unroll 1
  for (int i = 0; i + 1 < Tile::kStages; ++i) fetch();

  const std::int64_t row = tile_row + Tile::first_row(), col = tile_col + Tile::first_col();
  Sums<Tile> sums;
  begin_sums<Tile>(p, row, col, sums);
  // A warp whose rows lie below C only fetches.
  const bool works = tile_row + Tile::warp_row() < p.m;
  Steps<Tile> steps{ring + Tile::first_row(), ring + Tile::kDepth * Tile::kPitchA + Tile::first_col()};
  int stage = 0;
#pragma unroll 1
  for (int left = p.k; left > 0; left -= Tile::kDepth) {
    copies_wait<Tile::kStages - 2>();
    __syncthreads();  // the slice has arrived, and everybody is done with the one before
    fetch();
    if (works) {
      const Steps<Tile> now{steps.a + stage * Tile::kStage, steps.b + stage * Tile::kStage};
      if (left >= Tile::kDepth)
        multiply_slice<Tile>(now, sums);
      else
        multiply_rest<Tile>(now, left, sums);
    }
    stage = stage + 1 < Tile::kStages ? stage + 1 : 0;
  }
  copies_wait<0>();
  store_sums<Tile>(p, row, col, sums);
  activate<Tile>(p, row, col);
}

}  // namespace
}  // namespace hotloop
