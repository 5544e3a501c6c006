// Stands in for csrc/cuda/device/tma.h.
#pragma once
#include <cuda.h>

#include <cstring>

#include "cuda/device/mbarrier.h"

namespace emulator {

inline void round_to_tf32(unsigned char* at) {
  std::uint32_t bits;
  std::memcpy(&bits, at, 4);
  if ((bits >> 23 & 0xff) != 0xff) bits = (bits + 0x1000u) & ~0x1fffu;
  std::memcpy(at, &bits, 4);
}

// Where the swizzle of 128 bytes puts the byte at this address.
inline unsigned char* swizzled(unsigned char* plain) {
  const auto address = reinterpret_cast<std::uintptr_t>(plain);
  return reinterpret_cast<unsigned char*>(address ^ (address >> 3 & 0x70));
}

inline int copy_box(unsigned char* to, const CUtensorMap& map, std::int64_t inner, std::int64_t outer) {
  for (std::uint32_t row = 0; row < map.box[1]; ++row)
    for (std::uint32_t col = 0; col < map.box[0]; ++col) {
      const std::int64_t x = inner + col, y = outer + row;
      const bool inside = x >= 0 && y >= 0 && x < static_cast<std::int64_t>(map.sizes[0]) &&
                          y < static_cast<std::int64_t>(map.sizes[1]);
      unsigned char* const at = swizzled(to + row * 128 + col * map.element);
      if (!inside)
        std::memset(at, 0, map.element);
      else
        std::memcpy(at, map.base + y * static_cast<std::int64_t>(map.row_bytes) + x * map.element, map.element);
      if (inside && map.rounds_to_tf32) round_to_tf32(at);
    }
  return static_cast<int>(map.box[1] * 128);
}

}  // namespace emulator

namespace hotloop {
namespace {

inline void tma_prefetch(const CUtensorMap*) {}

inline void tma_load_multicast(void* to, const CUtensorMap* map, int inner, int outer, Mbarrier* barrier,
                               std::uint16_t blocks) {
  if (reinterpret_cast<std::uintptr_t>(to) % 1024 != 0) emulator::fail("a swizzled box begins at a multiple of 1 KB");
  for (int cta = 0; cta < 16; ++cta) {
    if ((blocks >> cta & 1) == 0) continue;
    auto* const there = static_cast<unsigned char*>(emulator::shared_of(cta, to));
    emulator::Copies::of_cluster().start(
        static_cast<Mbarrier*>(emulator::shared_of(cta, barrier)),
        [there, map = *map, inner, outer] { return emulator::copy_box(there, map, inner, outer); });
  }
}

inline void tma_load(void* to, const CUtensorMap* map, int inner, int outer, Mbarrier* barrier) {
  tma_load_multicast(to, map, inner, outer, barrier, static_cast<std::uint16_t>(1u << cluster_rank()));
}

}  // namespace
}  // namespace hotloop
