// What the copy engine (cuda/device/tma.h) has to know of a matrix.
#pragma once
#include <cuda.h>

#include <cstdint>

namespace hotloop::cuda {

enum class MapType { u8, bf16, tf32 };  // tf32: float32 in memory, rounded on its way

// A matrix of `outer` rows of `inner` elements, rows `stride` elements apart, copied in boxes of box_outer
// rows of 128 bytes, swizzled, with zeros for what lies outside. base and the rows' starts: at multiples of
// 16 bytes.
struct MapArgs {
  MapType type = MapType::bf16;
  const void* base = nullptr;
  std::int64_t inner = 0, outer = 0, stride = 0;
  int box_outer = 0;
};
CUtensorMap tensor_map(const MapArgs& args);

constexpr int map_element_bytes(MapType type) {
  return type == MapType::u8 ? 1 : type == MapType::bf16 ? 2 : 4;
}

}  // namespace hotloop::cuda
