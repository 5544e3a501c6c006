// The one micro-kernel: a register tile of C, MR rows by NV vectors, takes the products of a list of pairs of
// operands (a batch-reduce). In every step one broadcast of A and NV loads of B feed MR * NV independent
// chains of fma. Only for the kernels of this room.
#pragma once
#include <cstdint>

#include "cpu/simd/simd.h"
#include "cpu/simd/transpose.h"

namespace hotloop {
namespace {

// The tile that fills the registers, and a wider one for products of few rows.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kRows = 14, kVectors = 2, kFewRows = 6, kFewVectors = 4;
constexpr bool kMaskedLoads = true;  // of B; the other levels pack an edge first
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kRows = 6, kVectors = 1, kFewRows = 2, kFewVectors = 2;
constexpr bool kMaskedLoads = false;
#elif defined(__aarch64__)
constexpr int kRows = 6, kVectors = 1, kFewRows = 0, kFewVectors = 1;
constexpr bool kMaskedLoads = false;
#else
constexpr int kRows = 2, kVectors = 1, kFewRows = 0, kFewVectors = 1;
constexpr bool kMaskedLoads = false;
#endif

enum class Start { zero, bias, c };

// `panels` neighbouring tiles of C, one after another. Either a_row or a_col is 1.
struct Tile {
  const float* const* a;  // `count` operands each
  const float* const* b;
  std::int64_t a_at, b_at;  // where in each the tile begins
  std::int64_t count, depth;
  std::int64_t a_row, a_col;
  std::int64_t b_row, b_pair;   // b_pair: from the first two vectors of B to the next two
  std::int64_t panels, b_step;  // b_step: from a panel of B to the next
  float* c;
  std::int64_t c_row, c_step;  // c_step: from a tile of C to the next
  const float* bias;
  const char* ahead;        // what is needed soon, fetched on the way; or null
  std::int64_t ahead_step;  // bytes a step of depth
  int last;                 // lanes of the last vector that C has
  Start start;
  bool relu;
  bool masked;  // B has no more columns than C
  bool turned;  // C lies transposed: its rows along the lanes
};

template <int MR, int NV>
HOTLOOP_INLINE void load_start(const Tile& t, const float* c, const float* bias, F32 (&acc)[MR][NV]) {
  const int last = t.last;
  if (t.start == Start::c) {
    const std::int64_t c_row = t.c_row;
    const float* row = c;
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i, row += c_row) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j)
        acc[i][j] = j + 1 < NV ? load(row + j * kLanes) : load_or(row + j * kLanes, last);
    }
    return;
  }
  F32 first[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    if (t.start == Start::zero)
      first[j] = splat(0.0f);
    else
      first[j] = j + 1 < NV ? load(bias + j * kLanes) : load_or(bias + j * kLanes, last);
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = first[j];
  }
}

template <int MR, int NV>
HOTLOOP_INLINE void apply_relu(F32 (&acc)[MR][NV]) {
  const F32 zero = splat(0.0f);
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = max(zero, acc[i][j]);
  }
}

template <int MR, int NV>
HOTLOOP_INLINE void store_tile(const Tile& t, float* row, F32 (&acc)[MR][NV]) {
  const int last = t.last;
  const std::int64_t c_row = t.c_row;
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i, row += c_row) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      if (j + 1 < NV)
        store(row + j * kLanes, acc[i][j]);
      else
        store_or(row + j * kLanes, acc[i][j], last);
    }
  }
}

// Turned: vector j of row i holds C's column i, rows 16 j and on.
template <int MR, int NV>
HOTLOOP_INLINE void load_turned(const Tile& t, const float* c, F32 (&acc)[MR][NV]) {
  for (int j = 0; j < NV; ++j) {
    F32 x[kLanes];
    if (t.start == Start::c) {
      const int rows = j + 1 < NV ? kLanes : t.last;
      for (int r = 0; r < kLanes; ++r)
        x[r] = r < rows ? load_or(c + (j * kLanes + r) * t.c_row, MR) : splat(0.0f);
      transpose(x);
    } else {
      for (int i = 0; i < MR; ++i) x[i] = splat(t.start == Start::bias ? t.bias[i] : 0.0f);
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) acc[i][j] = x[i];
  }
}

template <int MR, int NV>
HOTLOOP_INLINE void store_turned(const Tile& t, float* c, F32 (&acc)[MR][NV]) {
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    F32 x[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) x[i] = i < MR ? acc[i < MR ? i : 0][j] : splat(0.0f);
    transpose(x);
    const int rows = j + 1 < NV ? kLanes : t.last;
    float* row = c + j * kLanes * t.c_row;
#pragma GCC unroll 16
    for (int r = 0; r < kLanes; ++r, row += t.c_row)
      if (r < rows) store_or(row, x[r], MR);
  }
}

// The pointers of one operand pair, and where they go.
template <int MR, int NV, bool UnitRow>
struct Steps {
  // UnitRow: A's rows are neighbours in memory (packed, or a transposed operand), so one pointer serves the
  // whole tile. Otherwise every third row has a pointer: x86 addresses p, p + s and p + 2s alike.
  static constexpr int kPointers = UnitRow ? 1 : (MR + 2) / 3;
  const float* a[kPointers];
  std::int64_t a_row, a_step;
  const float* b;
  std::int64_t b_row, b_pair;
  int last;
  const char* ahead;
  std::int64_t ahead_step;
};

// Fetch: a line that is asked for several times costs no more than once.
template <int MR, int NV, bool UnitRow, bool Masked, bool Fetch>
HOTLOOP_INLINE void run_steps(Steps<MR, NV, UnitRow>& s, std::int64_t depth, F32 (&acc)[MR][NV]) {
  for (std::int64_t p = depth; p > 0; --p) {
    if constexpr (Fetch) __builtin_prefetch(s.ahead, 0, 2), s.ahead += s.ahead_step;
    F32 bv[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      const float* from = s.b + (j > 1 ? s.b_pair + (j - 2) * kLanes : j * kLanes);
      bv[j] = Masked && j + 1 == NV ? load(from, s.last) : load(from);
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const F32 av = splat(UnitRow ? s.a[0][i] : s.a[UnitRow ? 0 : i / 3][(i % 3) * s.a_row]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = fma(av, bv[j], acc[i][j]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < s.kPointers; ++i) s.a[i] += s.a_step;
    s.b += s.b_row;
  }
}

template <int MR, int NV, bool UnitRow, bool Turned, bool Masked>
__attribute__((noinline)) void tile(const Tile& t) {
  Steps<MR, NV, UnitRow> s;
  s.a_row = t.a_row, s.a_step = UnitRow ? t.a_col : 1;
  s.b_row = t.b_row, s.b_pair = NV > 2 ? t.b_pair : 0;
  s.last = t.last;
  s.ahead = t.ahead, s.ahead_step = t.ahead_step;
  float* c = t.c;
  const float* bias = t.bias;
  for (std::int64_t panel = 0; panel < t.panels; ++panel, c += t.c_step, bias += NV * kLanes) {
    F32 acc[MR][NV];
    if constexpr (Turned)
      load_turned<MR, NV>(t, c, acc);
    else
      load_start<MR, NV>(t, c, bias, acc);
    for (std::int64_t item = 0; item < t.count; ++item) {
      for (int i = 0; i < s.kPointers; ++i) s.a[i] = t.a[item] + t.a_at + 3 * i * s.a_row;
      s.b = t.b[item] + t.b_at + panel * t.b_step;
      if (s.ahead != nullptr)
        run_steps<MR, NV, UnitRow, Masked, true>(s, t.depth, acc);
      else
        run_steps<MR, NV, UnitRow, Masked, false>(s, t.depth, acc);
    }
    if (t.relu) apply_relu<MR, NV>(acc);
    if constexpr (Turned)
      store_turned<MR, NV>(t, c, acc);
    else
      store_tile<MR, NV>(t, c, acc);
  }
}

template <int MR, int NV, bool UnitRow, bool Turned, bool Masked>
HOTLOOP_INLINE void tile_of(int rows, const Tile& t) {
  if constexpr (MR > 1) {
    if (rows < MR) return tile_of<MR - 1, NV, UnitRow, Turned, Masked>(rows, t);
  }
  tile<MR, NV, UnitRow, Turned, Masked>(t);
}

template <int MR, int NV>
HOTLOOP_INLINE void tile_of(int rows, const Tile& t) {
  if constexpr (NV <= kVectors) {
    if (t.turned)
      return t.a_row == 1 ? tile_of<MR, NV, true, true, false>(rows, t)
                          : tile_of<MR, NV, false, true, false>(rows, t);
  }
  if constexpr (kMaskedLoads) {
    if (t.masked)
      return t.a_row == 1 ? tile_of<MR, NV, true, false, true>(rows, t)
                          : tile_of<MR, NV, false, false, true>(rows, t);
  }
  if (t.a_row == 1)
    tile_of<MR, NV, true, false, false>(rows, t);
  else
    tile_of<MR, NV, false, false, false>(rows, t);
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
