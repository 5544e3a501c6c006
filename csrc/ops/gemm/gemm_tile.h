// A register tile of C, MR rows by NV vectors, runs down the whole depth of a block: one broadcast of A and
// NV loads of B feed MR * NV independent chains of fma. Only for gemm_cpu.cpp.
#pragma once
#include <cstdint>

#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

// The tile that fills the registers, and a wider one for products of few rows.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kRows = 14, kVectors = 2, kFewRows = 6, kFewVectors = 4;
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kRows = 6, kVectors = 1, kFewRows = 2, kFewVectors = 2;
#elif defined(__aarch64__)
constexpr int kRows = 6, kVectors = 1, kFewRows = 0, kFewVectors = 1;
#else
constexpr int kRows = 2, kVectors = 1, kFewRows = 0, kFewVectors = 1;
#endif

enum class Start { zero, bias, c };

struct Tile {
  const float* a;
  std::int64_t a_row, a_col;
  const float* b;
  std::int64_t b_row;
  float* c;
  std::int64_t c_row;
  const float* bias;
  std::int64_t depth;
  int last;  // lanes of the last vector that C has
  Start start;
  bool relu;
};

template <int MR, int NV>
HOTLOOP_INLINE void load_start(const Tile& t, F32 (&acc)[MR][NV]) {
  const bool whole = t.last == kLanes;
  if (t.start == Start::c) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const float* row = t.c + i * t.c_row;
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j)
        acc[i][j] = j + 1 < NV || whole ? load(row + j * kLanes) : load(row + j * kLanes, t.last);
    }
    return;
  }
  F32 first[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    if (t.start == Start::zero)
      first[j] = splat(0.0f);
    else
      first[j] = j + 1 < NV || whole ? load(t.bias + j * kLanes) : load(t.bias + j * kLanes, t.last);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = first[j];
  }
}

template <int MR, int NV>
HOTLOOP_INLINE void store_tile(const Tile& t, F32 (&acc)[MR][NV]) {
  if (t.relu) {
    const F32 zero = splat(0.0f);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = max(zero, acc[i][j]);
    }
  }
  const bool whole = t.last == kLanes;
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    float* row = t.c + i * t.c_row;
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      if (j + 1 < NV || whole)
        store(row + j * kLanes, acc[i][j]);
      else
        store(row + j * kLanes, acc[i][j], t.last);
    }
  }
}

// UnitRow: A's rows are neighbours in memory (a transposed operand), so one pointer serves the whole tile.
// Otherwise every third row has a pointer: x86 addresses p, p + s and p + 2s alike.
template <int MR, int NV, bool UnitRow>
__attribute__((noinline)) void tile(const Tile& t) {
  F32 acc[MR][NV];
  load_start<MR, NV>(t, acc);
  constexpr int kPointers = UnitRow ? 1 : (MR + 2) / 3;
  const float* a[kPointers];
  for (int i = 0; i < kPointers; ++i) a[i] = t.a + 3 * i * t.a_row;
  const float* b = t.b;
  const std::int64_t a_row = t.a_row, a_col = t.a_col, b_row = t.b_row;
  for (std::int64_t p = t.depth; p > 0; --p) {
    F32 bv[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) bv[j] = load(b + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const F32 av = splat(UnitRow ? a[0][i] : a[UnitRow ? 0 : i / 3][(i % 3) * a_row]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = fma(av, bv[j], acc[i][j]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kPointers; ++i) a[i] += a_col;
    b += b_row;
  }
  store_tile<MR, NV>(t, acc);
}

template <int MR, int NV, bool UnitRow>
HOTLOOP_INLINE void tile_of(int rows, const Tile& t) {
  if constexpr (MR > 1) {
    if (rows < MR) return tile_of<MR - 1, NV, UnitRow>(rows, t);
  }
  tile<MR, NV, UnitRow>(t);
}

template <int MR, int NV>
HOTLOOP_INLINE void tile_of(int rows, const Tile& t) {
  if (t.a_row == 1)
    tile_of<MR, NV, true>(rows, t);
  else
    tile_of<MR, NV, false>(rows, t);
}

HOTLOOP_INLINE void run_tile(int rows, int vectors, const Tile& t) {
  if (vectors == 1) return tile_of<kRows, 1>(rows, t);
  if constexpr (kVectors == 2) {
    if (vectors == 2) return tile_of<kRows, 2>(rows, t);
  }
  if constexpr (kFewRows > 0) tile_of<kFewRows, kFewVectors>(rows, t);
}

}  // namespace
}  // namespace hotloop
