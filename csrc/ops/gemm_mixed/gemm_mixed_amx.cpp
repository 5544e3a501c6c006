// Blocks of C of 32 x 32, four accumulating tiles. One operand comes by in strips of 32 rows of A or columns
// of B, whose stretch of k stays in the first-level cache; the other, or a chunk of it, streams past from the
// second. Sums that are not finished at the end of a stretch wait in the workspace. What comes next is
// fetched meanwhile.
#include "cpu/simd/bf16_pairs.h"
#include "cpu/simd/simd.h"
#include "cpu/simd/tiles.h"
#include "ops/gemm_mixed/gemm_mixed_kernels.h"

namespace hotloop {
namespace {

constexpr int kBlock = 2 * kMixedPanel;
constexpr std::int64_t kTileFloats = kMixedPanel * kMixedPanel, kSlot = kBlock * kBlock;
// What of A may stay in the second level in elements, and how many rows' sums can wait.
constexpr std::int64_t kMostKept = std::int64_t{5} << 17,
                       kMostPending = kMixedWorkspace / (4 * kSlot) * kBlock;

HOTLOOP_INLINE std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// The panels of one operand from `begin` on, at most `count` rows or columns of them.
struct Panels {
  const std::uint16_t* at;
  std::int64_t size;
  Panels(const std::uint16_t* operand, std::int64_t begin, std::int64_t count, std::int64_t total,
         std::int64_t panel)
      : at(begin < total ? operand + begin / kMixedPanel * panel : nullptr),
        size(mixed_panels(least(count, total - begin)) * panel) {}
};

// Memory that will be wanted soon, fetched into the second level a little at each step.
struct Fetch {
  const char* at;
  std::int64_t per_step;

  Fetch(const Panels& next, std::int64_t steps)
      : at(reinterpret_cast<const char*>(next.at)),
        per_step(at == nullptr ? 0 : round_up(2 * next.size / steps, kAlignment)) {}
  HOTLOOP_INLINE void step() {
    for (std::int64_t i = 0; i < per_step; i += kAlignment) __builtin_prefetch(at + i, 0, 2);
    at += per_step;
  }
};

// One block of C over one stretch of k.
struct Block {
  const std::uint16_t *a, *b;  // the first panel of each, at the stretch
  std::int64_t panel, steps;   // elements between panels; tiles of k
  bool first, last;            // stretch
  bool straight;               // its sums are C as they are
  bool fetches;                // C's lines, which come to the second level meanwhile
  float* slot;                 // where its sums wait
  std::int64_t at;             // its corner in C
  const float* bias;
  int rows, cols;  // of C
};

// Four tiles in the layout of C, or of a slot: `down` and `across` are the floats from one to the next.
template <int rows, int cols>
HOTLOOP_INLINE void load_sums(const float* p, std::int64_t stride, std::int64_t down, std::int64_t across) {
  tile_load<0>(p, stride);
  if constexpr (cols > 1) tile_load<1>(p + across, stride);
  if constexpr (rows > 1) tile_load<2>(p + down, stride);
  if constexpr (rows > 1 && cols > 1) tile_load<3>(p + down + across, stride);
}
template <int rows, int cols>
HOTLOOP_INLINE void store_sums(float* p, std::int64_t stride, std::int64_t down, std::int64_t across) {
  tile_store<0>(p, stride);
  if constexpr (cols > 1) tile_store<1>(p + across, stride);
  if constexpr (rows > 1) tile_store<2>(p + down, stride);
  if constexpr (rows > 1 && cols > 1) tile_store<3>(p + down + across, stride);
}
template <int rows, int cols>
HOTLOOP_INLINE void zero_sums() {
  tile_zero<0>();
  if constexpr (cols > 1) tile_zero<1>();
  if constexpr (rows > 1) tile_zero<2>();
  if constexpr (rows > 1 && cols > 1) tile_zero<3>();
}

template <int tile, bool streams>
HOTLOOP_INLINE void load_operand(const std::uint16_t* p) {
  if constexpr (streams)
    tile_load_once<tile>(p, 64);
  else
    tile_load<tile>(p, 64);
}

// Tiles 0 to 3 are the sums, by rows; 4 and 5 A's, 6 and 7 B's.
template <int rows, int cols, bool a_streams>
HOTLOOP_INLINE void add_products(const GemmMixedArgs& g, const Block& x, Fetch& fetch) {
  const std::uint16_t *a = x.a, *b = x.b;
  // C's lines come to the second level meanwhile, two rows a step: a store that waits for memory holds up
  // loads.
  const std::int64_t size = g.c_bf16 != nullptr ? 2 : 4, row = size * g.c_row;
  const char* c =
      (g.c_bf16 != nullptr ? reinterpret_cast<const char*>(g.c_bf16) : reinterpret_cast<const char*>(g.c)) +
      size * x.at;
  int to_fetch = x.fetches ? x.rows : 0;
  for (std::int64_t s = 0; s < x.steps; ++s, a += kMixedTile, b += kMixedTile) {
    load_operand<4, a_streams>(a);
    load_operand<6, !a_streams>(b);
    tile_dot_bf16<0, 4, 6>();
    fetch.step();
    if (to_fetch > 0) {
      __builtin_prefetch(c, 0, 2), __builtin_prefetch(c + 16 * size, 0, 2);
      __builtin_prefetch(c + row, 0, 2), __builtin_prefetch(c + row + 16 * size, 0, 2);
      c += 2 * row, to_fetch -= 2;
    }
    if constexpr (rows > 1) {
      load_operand<5, a_streams>(a + x.panel);
      tile_dot_bf16<2, 5, 6>();
    }
    if constexpr (cols > 1) {
      load_operand<7, !a_streams>(b + x.panel);
      tile_dot_bf16<1, 4, 7>();
      if constexpr (rows > 1) tile_dot_bf16<3, 5, 7>();
    }
  }
}

// How a finished vector goes into C: as the arguments say, or in one of the ways that cost less.
enum class Way { any, rounded, plain, past_caches };

// What is left to do for a block whose sums are in its slot: bias, what C held, relu.
template <Way way>
HOTLOOP_INLINE void finish_columns(const GemmMixedArgs& g, const Block& x, int j, int cols) {
  const F32 bias = x.bias != nullptr ? load_or(x.bias + j, cols) : splat(-0.0f);  // which changes nothing
  const float* sums = x.slot + j / kLanes * kTileFloats;
  std::int64_t at = x.at + j;
  for (int i = 0; i < x.rows; ++i, at += g.c_row) {
    F32 value = load(sums + (i / 16 * 2 * kTileFloats + i % 16 * kLanes)) + bias;
    if constexpr (way == Way::plain) {
      store(g.c + at, value);
    } else if constexpr (way == Way::past_caches) {
      store_past_caches(g.c + at, value);
    } else {
      if (way == Way::any && g.accumulate) value = value + load_or(g.c + at, cols);
      if (g.activation.kind == Activation::relu) value = max(splat(0.0f), value);  // a NaN stays
      if constexpr (way == Way::rounded)
        store_bf16(g.c_bf16 + at, value, cols);
      else
        store_or(g.c + at, value, cols);
    }
  }
}
HOTLOOP_INLINE void finish(const GemmMixedArgs& g, const Block& x) {
  const bool plain = !g.accumulate && g.activation.kind != Activation::relu;
  for (int j = 0; j < x.cols; j += kLanes) {
    const int cols = x.cols - j < kLanes ? x.cols - j : kLanes;
    if (g.c_bf16 != nullptr)
      finish_columns<Way::rounded>(g, x, j, cols);
    else if (!plain || cols < kLanes)
      finish_columns<Way::any>(g, x, j, cols);
    else if (g.past_caches)
      finish_columns<Way::past_caches>(g, x, j, cols);
    else
      finish_columns<Way::plain>(g, x, j, cols);
  }
}

// The block before it is finished behind this one's products, which leave the vector units idle; a block that
// needs no finish goes straight into C.
template <int rows, int cols, bool a_streams>
__attribute__((noinline)) void run_block(const GemmMixedArgs& g, const Block& x, const Block* before,
                                         Fetch& fetch) {
  if (x.first)
    zero_sums<rows, cols>();
  else
    load_sums<rows, cols>(x.slot, 64, 2 * kTileFloats, kTileFloats);
  add_products<rows, cols, a_streams>(g, x, fetch);
  if (before != nullptr) finish(g, *before);
  if (x.straight)
    store_sums<rows, cols>(g.c + x.at, 4 * g.c_row, kMixedPanel * g.c_row, kMixedPanel);
  else
    store_sums<rows, cols>(x.slot, 64, 2 * kTileFloats, kTileFloats);
}

template <bool a_streams>
HOTLOOP_INLINE void run_any_block(const GemmMixedArgs& g, const Block& x, const Block* before, Fetch& fetch) {
  if (x.rows > 16 && x.cols > 16)
    run_block<2, 2, a_streams>(g, x, before, fetch);
  else if (x.rows > 16)
    run_block<2, 1, a_streams>(g, x, before, fetch);
  else if (x.cols > 16)
    run_block<1, 2, a_streams>(g, x, before, fetch);
  else
    run_block<1, 1, a_streams>(g, x, before, fetch);
}

// A strip past what streams: one of the ranges is a block long.
template <bool a_streams>
void run_strip(const GemmMixedArgs& g, Range rows, Range cols, Fetch& fetch, float* slots) {
  // A tile store to a line and a half is slower than a vector's.
  const bool aligned =
      (reinterpret_cast<std::uintptr_t>(g.c) | static_cast<std::uintptr_t>(4 * g.c_row)) % 64 == 0;
  const bool plain = aligned && g.c_bf16 == nullptr && g.bias == nullptr && !g.accumulate && !g.past_caches &&
                     g.activation.kind == Activation::linear;
  Block x, before;
  x.panel = mixed_panel_size(g.k);
  const std::int64_t tiles = x.panel / kMixedTile, stretch = kMixedStrip / kMixedDepth;
  const Range& stream = a_streams ? rows : cols;
  bool unfinished = false;
  for (std::int64_t t = 0; t < tiles; t += stretch) {
    x.steps = least(stretch, tiles - t);
    x.first = t == 0;
    x.last = t + x.steps == tiles;
    x.slot = slots;
    for (std::int64_t at = stream.begin; at < stream.end; at += kBlock) {
      const std::int64_t i = a_streams ? at : rows.begin, j = a_streams ? cols.begin : at;
      x.a = g.a + i / kMixedPanel * x.panel + t * kMixedTile;
      x.b = g.b + j / kMixedPanel * x.panel + t * kMixedTile;
      x.rows = static_cast<int>(least(kBlock, rows.end - i));
      x.cols = static_cast<int>(least(kBlock, cols.end - j));
      x.at = i * g.c_row + j;
      x.bias = g.bias != nullptr ? g.bias + j : nullptr;
      x.fetches = x.last && !g.past_caches;
      x.straight = x.last && plain && x.rows == kBlock && x.cols == kBlock;
      run_any_block<a_streams>(g, x, unfinished ? &before : nullptr, fetch);
      unfinished = x.last && !x.straight;
      before = x;
      if (tiles > stretch)
        x.slot += kSlot;
      else
        x.slot = x.slot == slots ? slots + kSlot : slots;
    }
  }
  if (unfinished) finish(g, before);
}

// All of A stays, B comes in strips.
void keep_a(const GemmMixedArgs& g, float* slots) {
  const std::int64_t panel = mixed_panel_size(g.k);
  const std::int64_t steps = (g.m + kBlock - 1) / kBlock * (panel / kMixedTile);
  for (std::int64_t j = 0; j < g.n; j += kBlock) {
    Fetch fetch(Panels(g.b, j + kBlock, kBlock, g.n, panel), steps);
    run_strip<true>(g, {0, g.m}, {j, least(j + kBlock, g.n)}, fetch, slots);
  }
}

// A chunk of B's columns stays, A comes in strips.
void keep_b(const GemmMixedArgs& g, float* slots) {
  const std::int64_t panel = mixed_panel_size(g.k), strips = (g.m + kBlock - 1) / kBlock;
  const std::int64_t chunk = mixed_chunk(g.k);
  for (std::int64_t j = 0; j < g.n; j += chunk) {
    const Range cols{j, least(j + chunk, g.n)};
    const std::int64_t steps = (cols.end - j + kBlock - 1) / kBlock * (panel / kMixedTile);  // a strip's
    Fetch next_chunk(Panels(g.b, cols.end, chunk, g.n, panel), steps * strips);
    for (std::int64_t i = 0; i < g.m; i += kBlock) {
      const std::int64_t end = least(i + kBlock, g.m);
      Fetch next_strip(Panels(g.a, end, kBlock, g.m, panel), steps);
      run_strip<false>(g, {i, end}, cols, cols.end < g.n ? next_chunk : next_strip, slots);
    }
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_mixed_kernel(const GemmMixedArgs& g, void* workspace) {
  auto* slots = static_cast<float*>(workspace);
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) shapes.set(tile, 16, 64);
  tiles_configure(shapes);
  if (g.n > mixed_chunk(g.k) && mixed_packed_size(g.m, g.k) <= kMostKept && g.m <= kMostPending)
    keep_a(g, slots);
  else
    keep_b(g, slots);
  tiles_release();
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
