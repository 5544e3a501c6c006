// AMX: eight tile registers of up to 16 rows by 64 bytes, and the products of two of them. Only for
// *_amx.cpp. A thread configures the tiles before it uses them and releases them when it is done; tile
// numbers are template arguments because they stand in the instruction.
//
//   TileShapes s; s.set(t, rows, bytes); tiles_configure(s); ... tiles_release();   configuring clears all
//   tile_zero<t>()  tile_load<t>(p, stride)  tile_store<t>(p, stride)               stride in bytes
//   tile_load_once<t>(p, stride)   the same for what should not drive other lines out of the cache
//   store_past_caches(p, x)        16 lanes to 64-byte aligned memory that nobody reads soon
//   tile_dot_u8s8<c, a, b>()   c[i][j] += sum over g, 4 of u8 a[i][4g+.] * s8 b[g][4j+.]     int32
//   tile_dot_bf16<c, a, b>()   c[i][j] += sum over g, 2 of bf16 a[i][2g+.] * b[g][2j+.]      float32
#pragma once
#include <cstdint>

#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

struct alignas(64) TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {};
  std::uint8_t rows[16] = {};

  HOTLOOP_INLINE void set(int tile, int row_count, int row_bytes) {
    rows[tile] = static_cast<std::uint8_t>(row_count);
    bytes_per_row[tile] = static_cast<std::uint16_t>(row_bytes);
  }
};
static_assert(sizeof(TileShapes) == 64, "the layout is the processor's");

// Written as assembly because GCC's own are macros that take the number as text. The clobber keeps them in
// order with what is written to memory before and read after.
HOTLOOP_INLINE void tiles_configure(const TileShapes& shapes) {
  asm volatile("ldtilecfg %0" : : "m"(shapes) : "memory");
}
HOTLOOP_INLINE void tiles_release() { asm volatile("tilerelease" : : : "memory"); }
template <int tile>
HOTLOOP_INLINE void tile_zero() {
  asm volatile("tilezero %%tmm%c0" : : "n"(tile));
}
template <int tile>
HOTLOOP_INLINE void tile_load(const void* p, std::int64_t stride) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "n"(tile), "r"(p), "r"(stride) : "memory");
}
template <int tile>
HOTLOOP_INLINE void tile_load_once(const void* p, std::int64_t stride) {
  asm volatile("tileloaddt1 (%1,%2,1), %%tmm%c0" : : "n"(tile), "r"(p), "r"(stride) : "memory");
}
template <int tile>
HOTLOOP_INLINE void tile_store(void* p, std::int64_t stride) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "n"(tile), "r"(p), "r"(stride) : "memory");
}
template <int c, int a, int b>
HOTLOOP_INLINE void tile_dot_u8s8() {
  asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "n"(c), "n"(a), "n"(b));
}
template <int c, int a, int b>
HOTLOOP_INLINE void tile_dot_bf16() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "n"(c), "n"(a), "n"(b));
}

HOTLOOP_INLINE void store_past_caches(float* p, F32 x) { _mm512_stream_ps(p, x.v); }

}  // namespace
}  // namespace hotloop
