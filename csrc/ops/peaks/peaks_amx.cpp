// Products of whole tiles, 16 x 64 bytes by 64 bytes x 16, as in a product of matrices: two by two operands,
// four sums.
#include "ops/peaks/peaks_kernels.h"
#include "ops/peaks/random_operands.h"

namespace hotloop {
namespace {

constexpr int kTileBytes = 16 * 64, kOperands = 4;

struct alignas(64) TileShapes {
  std::uint8_t palette, start_row, reserved[14];
  std::uint16_t bytes_per_row[16];
  std::uint8_t rows[16];
};

// Zeros in tiles 0 to 3, the operands in 4 to 7.
void begin_tiles(const void* operands) {
  TileShapes shapes = {};
  shapes.palette = 1;
  for (int i = 0; i < 8; ++i) {
    shapes.bytes_per_row[i] = 64;
    shapes.rows[i] = 16;
  }
  const char* at = static_cast<const char*>(operands);
  const std::int64_t stride = 64;
  asm volatile(
      "ldtilecfg %[shapes]\n"
      ".irp tile, 0,1,2,3\n"
      "tilezero %%tmm\\tile\n"
      ".endr\n"
      ".irp tile, 4,5,6,7\n"
      "tileloadd (%[at],%[stride],1), %%tmm\\tile\n"
      "add %[bytes], %[at]\n"
      ".endr\n"
      : [at] "+r"(at)
      : [shapes] "m"(shapes), [stride] "r"(stride), [bytes] "i"(kTileBytes)
      : "cc", "memory");
}

void end_tiles() { asm volatile("tilerelease"); }

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
  end_tiles();
  return 2.0 * 16 * 16 * 32 * 4 * static_cast<double>(rounds);
}

double spin_int8_tiles(std::int64_t rounds) {
  if (rounds <= 0) return 0;
  std::int8_t operands[kOperands * kTileBytes];
  RandomBits().fill(operands, kOperands * kTileBytes);
  begin_tiles(operands);
  std::int64_t left = rounds;
  HOTLOOP_SPIN_TILES("tdpbusd", left);
  end_tiles();
  return 2.0 * 16 * 16 * 64 * 4 * static_cast<double>(rounds);
}

}  // namespace amx
}  // namespace hotloop
