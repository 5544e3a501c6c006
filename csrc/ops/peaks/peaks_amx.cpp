// Products of whole tiles, 16 x 64 bytes by 64 bytes x 16, as in a product of matrices: two by two operands,
// four sums.
#include "cpu/simd/tiles.h"
#include "ops/peaks/peaks_kernels.h"
#include "ops/peaks/random_operands.h"

namespace hotloop {
namespace {

constexpr int kTileBytes = 16 * 64, kOperands = 4;

// Zeros in tiles 0 to 3, the operands in 4 to 7.
void begin_tiles(const void* operands) {
  TileShapes shapes;
  for (int tile = 0; tile < 8; ++tile) shapes.set(tile, 16, 64);
  tiles_configure(shapes);  // which clears them all
  const char* at = static_cast<const char*>(operands);
  tile_load<4>(at, 64);
  tile_load<5>(at + kTileBytes, 64);
  tile_load<6>(at + 2 * kTileBytes, 64);
  tile_load<7>(at + 3 * kTileBytes, 64);
}

}  // namespace

namespace amx {

#define HOTLOOP_SPIN_TILES(instruction, left)                                                  \
  asm volatile("1:\n" instruction " %%tmm6, %%tmm4, %%tmm0\n" instruction                      \
               " %%tmm7, %%tmm4, %%tmm1\n" instruction " %%tmm6, %%tmm5, %%tmm2\n" instruction \
               " %%tmm7, %%tmm5, %%tmm3\n"                                                     \
               "dec %[count]\n"                                                                \
               "jnz 1b\n"                                                                      \
               : [count] "+r"(left)                                                            \
               :                                                                               \
               : "cc")

double spin_bfloat16_tiles(std::int64_t rounds) {
  if (rounds <= 0) return 0;
  std::uint16_t operands[kOperands * kTileBytes / 2];
  RandomBits().fill_bf16(operands, kOperands * kTileBytes / 2);
  begin_tiles(operands);
  std::int64_t left = rounds;
  HOTLOOP_SPIN_TILES("tdpbf16ps", left);
  tiles_release();
  return 2.0 * 16 * 16 * 32 * 4 * static_cast<double>(rounds);
}

double spin_int8_tiles(std::int64_t rounds) {
  if (rounds <= 0) return 0;
  std::int8_t operands[kOperands * kTileBytes];
  RandomBits().fill(operands, kOperands * kTileBytes);
  begin_tiles(operands);
  std::int64_t left = rounds;
  HOTLOOP_SPIN_TILES("tdpbusd", left);
  tiles_release();
  return 2.0 * 16 * 16 * 64 * 4 * static_cast<double>(rounds);
}

}  // namespace amx
}  // namespace hotloop
