// What gemm_int8.cpp and the kernels agree on.
#pragma once
#include "cpu/isa.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {

// A rectangle of the output, neither side empty. Its columns begin at a multiple of 16. What the CPU's caches
// want: `block` bytes of a's rows are taken at a time, and a tile has `high` rows at most.
struct Int8Part {
  Range rows, cols;
  std::int64_t block = 0, high = 0;
};
constexpr std::int64_t kTallestInt8Tile = 12;

HOTLOOP_PER_ISA(void gemm_int8_kernel(const GemmInt8Args& args, Int8Part part);)
// The first row alone, of a quantised input with an activation of linear or relu and no int32 output.
HOTLOOP_PER_ISA(void one_row_gemm_int8_kernel(const GemmInt8Args& args, Range cols);)

#ifdef HOTLOOP_X86_LEVELS
// With fewer rows or a smaller k the tiles of AMX would be mostly empty.
constexpr std::int64_t kTilePaysRows = 4, kTilePaysDepth = 16;
namespace amx {
void gemm_int8_kernel(const GemmInt8Args& args, Int8Part part);
}
#endif

}  // namespace hotloop
