// Blocks of C of 32 x 32, four accumulating tiles. A comes by in strips of 32 rows, whose stretch of k stays
// in the first-level cache; B's chunk of columns streams past it from the second. Sums that are not finished
// at the end of a stretch wait in the workspace. What comes next is fetched meanwhile.
#include "cpu/simd/simd.h"
#include "cpu/simd/tiles.h"
#include "ops/gemm_mixed/gemm_mixed_kernels.h"

namespace hotloop {
namespace {

constexpr int kBlock = 2 * kMixedPanel;
constexpr std::int64_t kTileFloats = kMixedPanel * kMixedPanel, kSlot = kBlock * kBlock;

// Memory that will be wanted soon, fetched into the second level a little at each step.
struct Fetch {
  const char* at = nullptr;
  std::int64_t per_step = 0;

  Fetch(const std::uint16_t* next, std::int64_t elements, std::int64_t steps)
      : at(reinterpret_cast<const char*>(next)),
        per_step(next == nullptr ? 0 : (2 * elements / steps + kAlignment - 1) / kAlignment * kAlignment) {}
};

// One block of C over one stretch of k.
struct Block {
  const std::uint16_t *a, *b;  // the first panel of each, at the stretch
  std::int64_t panel, steps;   // elements between panels; tiles of k
  bool first;                  // stretch
  float* slot;                 // where its sums wait
  float* c;
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

// Tiles 0 to 3 are the sums, by rows; 4 and 5 A's, 6 and 7 B's.
template <int rows, int cols>
HOTLOOP_INLINE void add_products(const Block& x, Fetch& fetch) {
  const std::uint16_t *a = x.a, *b = x.b;
  for (std::int64_t s = 0; s < x.steps; ++s, a += kMixedTile, b += kMixedTile) {
    tile_load<4>(a, 64);
    tile_load_once<6>(b, 64);
    tile_dot_bf16<0, 4, 6>();
    for (std::int64_t i = 0; i < fetch.per_step; i += kAlignment) __builtin_prefetch(fetch.at + i, 0, 2);
    fetch.at += fetch.per_step;
    if constexpr (rows > 1) {
      tile_load<5>(a + x.panel, 64);
      tile_dot_bf16<2, 5, 6>();
    }
    if constexpr (cols > 1) {
      tile_load_once<7>(b + x.panel, 64);
      tile_dot_bf16<1, 4, 7>();
      if constexpr (rows > 1) tile_dot_bf16<3, 5, 7>();
    }
  }
}

// What is left to do for a block whose sums are in its slot: bias, what C held, relu.
template <bool plain, bool past_caches>
HOTLOOP_INLINE void finish_columns(const GemmMixedArgs& g, const Block& x, int j, int cols) {
  const F32 bias = x.bias != nullptr ? load_or(x.bias + j, cols) : splat(0.0f);
  const float* sums = x.slot + j / kLanes * kTileFloats;
  float* c = x.c + j;
  for (int i = 0; i < x.rows; ++i, c += g.c_row) {
    F32 value = load(sums + (i / 16 * 2 * kTileFloats + i % 16 * kLanes)) + bias;
    if constexpr (plain && past_caches) {
      store_past_caches(c, value);
    } else if constexpr (plain) {
      store(c, value);
    } else {
      if (g.accumulate) value = value + load_or(c, cols);
      if (g.activation.kind == Activation::relu) value = max(splat(0.0f), value);  // a NaN stays
      store_or(c, value, cols);
    }
  }
}
HOTLOOP_INLINE void finish(const GemmMixedArgs& g, const Block& x) {
  const bool plain = !g.accumulate && g.activation.kind != Activation::relu;
  for (int j = 0; j < x.cols; j += kLanes) {
    const int cols = x.cols - j < kLanes ? x.cols - j : kLanes;
    if (plain && cols == kLanes && g.past_caches)
      finish_columns<true, true>(g, x, j, cols);
    else if (plain && cols == kLanes)
      finish_columns<true, false>(g, x, j, cols);
    else
      finish_columns<false, false>(g, x, j, cols);
  }
}

// The block before it is finished behind this one's products, which leave the vector units idle.
template <int rows, int cols>
__attribute__((noinline)) void run_block(const GemmMixedArgs& g, const Block& x, const Block* before,
                                         Fetch& fetch) {
  if (x.first)
    zero_sums<rows, cols>();
  else
    load_sums<rows, cols>(x.slot, 64, 2 * kTileFloats, kTileFloats);
  add_products<rows, cols>(x, fetch);
  if (before != nullptr) finish(g, *before);
  store_sums<rows, cols>(x.slot, 64, 2 * kTileFloats, kTileFloats);
}

HOTLOOP_INLINE std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// A strip of A's rows against a chunk of B's columns.
void run_strip(const GemmMixedArgs& g, Range rows, Range cols, Fetch& fetch, float* slots) {
  Block x, before;
  x.panel = mixed_panel_size(g.k);
  x.rows = static_cast<int>(rows.end - rows.begin);
  const std::int64_t tiles = x.panel / kMixedTile, stretch = kMixedStrip / kMixedDepth;
  for (std::int64_t t = 0; t < tiles; t += stretch) {
    x.steps = least(stretch, tiles - t);
    x.first = t == 0;
    const bool last = t + x.steps == tiles;
    x.a = g.a + rows.begin / kMixedPanel * x.panel + t * kMixedTile;
    x.slot = slots;
    for (std::int64_t j = cols.begin; j < cols.end; j += kBlock) {
      x.b = g.b + j / kMixedPanel * x.panel + t * kMixedTile;
      x.cols = static_cast<int>(least(kBlock, cols.end - j));
      x.c = g.c + rows.begin * g.c_row + j;
      x.bias = g.bias != nullptr ? g.bias + j : nullptr;
      const Block* unfinished = last && j > cols.begin ? &before : nullptr;
      if (x.rows > 16 && x.cols > 16)
        run_block<2, 2>(g, x, unfinished, fetch);
      else if (x.rows > 16)
        run_block<2, 1>(g, x, unfinished, fetch);
      else if (x.cols > 16)
        run_block<1, 2>(g, x, unfinished, fetch);
      else
        run_block<1, 1>(g, x, unfinished, fetch);
      before = x;
      if (tiles > stretch)
        x.slot += kSlot;
      else
        x.slot = x.slot == slots ? slots + kSlot : slots;
    }
  }
  finish(g, before);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void gemm_mixed_kernel(const GemmMixedArgs& g, void* workspace) {
  auto* slots = static_cast<float*>(workspace);
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) shapes.set(tile, 16, 64);
  tiles_configure(shapes);
  const std::int64_t panel = mixed_panel_size(g.k), strips = (g.m + kBlock - 1) / kBlock;
  const std::int64_t chunk = mixed_chunk(g.k);
  for (std::int64_t j = 0; j < g.n; j += chunk) {
    const Range cols{j, least(j + chunk, g.n)};
    const std::int64_t steps = (cols.end - j + kBlock - 1) / kBlock * (panel / kMixedTile);  // a strip's
    Fetch columns(cols.end < g.n ? g.b + cols.end / kMixedPanel * panel : nullptr,
                  mixed_panels(least(chunk, g.n - cols.end)) * panel, steps * strips);
    for (std::int64_t i = 0; i < g.m; i += kBlock) {
      const std::int64_t end = least(i + kBlock, g.m);
      Fetch rows(end < g.m ? g.a + end / kMixedPanel * panel : nullptr,
                 mixed_panels(least(kBlock, g.m - end)) * panel, steps);
      run_strip(g, {i, end}, cols, cols.end < g.n ? columns : rows, slots);
    }
  }
  tiles_release();
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
