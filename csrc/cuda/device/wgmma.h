// Products of a warpgroup: 64 rows of A times n columns of B, both in shared memory, in tiles whose rows are
// 128 bytes long, swizzled as the copy engine does it: their 16-byte pieces exchanged by the three address
// bits above those within a row.
//
// The sums lie in the registers of the warpgroup's 128 threads: d[4 j + 2 h + e] of lane l of warp w is that
// of row 16 w + l / 4 + 8 h and column 8 j + 2 (l % 4) + e.
//
// The order is: wgmma_fence, products, wgmma_commit, and wgmma_wait before the sums or the tiles are touched.
#pragma once
#include <cstdint>

#include "cuda/device/hopper.h"

namespace hotloop {
namespace {

// What runs along a tile's rows of 128 bytes: k, or the other index.
enum class Major { k, other };

struct MatrixDescriptor {
  std::uint64_t bits;
};

// k: a row for each of the other index, 8 rows are 1 KB. other: a row for each k, and `step` bytes lie
// between the tile's pieces of 64 numbers of the other index.
template <Major major>
__device__ __forceinline__ MatrixDescriptor matrix_descriptor(const void* tile, unsigned step) {
  constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62, kEightRows = std::uint64_t{1024 >> 4} << 32;
  const std::uint64_t start = (shared_address(tile) & 0x3ffffu) >> 4;
  const std::uint64_t leading = major == Major::k ? 1 : (step & 0x3ffffu) >> 4;
  return {kSwizzle128 | kEightRows | leading << 16 | start};
}
// The same matrix from `bytes` further on.
__device__ __forceinline__ MatrixDescriptor operator+(MatrixDescriptor from, unsigned bytes) {
  return {from.bits + (bytes >> 4)};
}

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Until at most `left` of the latest groups are at work.
template <int left>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(left) : "memory");
}
// Keeps the compiler from reading sums before the wait that stands above this.
template <int count>
__device__ __forceinline__ void wgmma_settle(float (&d)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) asm volatile("" : "+f"(d[i])::"memory");
}
template <int count>
__device__ __forceinline__ void wgmma_settle(std::int32_t (&d)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) asm volatile("" : "+r"(d[i])::"memory");
}

// The operands of the inline assembly: its registers by number, and the sums.
#define HOTLOOP_REGISTERS_64                                                         \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"             \
  ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31" \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47" \
  ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define HOTLOOP_REGISTERS_128                                                                    \
  HOTLOOP_REGISTERS_64                                                                           \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"             \
  ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"             \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111" \
  ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define HOTLOOP_SUMS_8(kind, d, i)                                                            \
  kind(d[i]), kind(d[i + 1]), kind(d[i + 2]), kind(d[i + 3]), kind(d[i + 4]), kind(d[i + 5]), \
      kind(d[i + 6]), kind(d[i + 7])
#define HOTLOOP_SUMS_64(kind, d, i)                                                                      \
  HOTLOOP_SUMS_8(kind, d, i), HOTLOOP_SUMS_8(kind, d, i + 8), HOTLOOP_SUMS_8(kind, d, i + 16),           \
      HOTLOOP_SUMS_8(kind, d, i + 24), HOTLOOP_SUMS_8(kind, d, i + 32), HOTLOOP_SUMS_8(kind, d, i + 40), \
      HOTLOOP_SUMS_8(kind, d, i + 48), HOTLOOP_SUMS_8(kind, d, i + 56)
// add: whether the product joins what d holds, or replaces it. `more` is what follows in the instruction,
// with its operands behind.
#define HOTLOOP_WGMMA_128(shape, kind, more, ...)                                                  \
  asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %66, 0;\nwgmma.mma_async.sync.aligned." shape \
               " {" HOTLOOP_REGISTERS_64 "}, %64, %65, add" more ";\n}"                            \
               : HOTLOOP_SUMS_64(kind, d, 0)                                                       \
               : "l"(a.bits), "l"(b.bits), "r"(static_cast<int>(add))__VA_OPT__(, ) __VA_ARGS__    \
               : "memory")
#define HOTLOOP_WGMMA_256(shape, kind, more, ...)                                                   \
  asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, %130, 0;\nwgmma.mma_async.sync.aligned." shape \
               " {" HOTLOOP_REGISTERS_128 "}, %128, %129, add" more ";\n}"                          \
               : HOTLOOP_SUMS_64(kind, d, 0), HOTLOOP_SUMS_64(kind, d, 64)                          \
               : "l"(a.bits), "l"(b.bits), "r"(static_cast<int>(add))__VA_OPT__(, ) __VA_ARGS__     \
               : "memory")

// 16 of k.
template <Major a_major, Major b_major>
__device__ __forceinline__ void wgmma_bf16(float (&d)[64], MatrixDescriptor a, MatrixDescriptor b, bool add) {
  HOTLOOP_WGMMA_128("m64n128k16.f32.bf16.bf16", "+f", ", 1, 1, %67, %68", "n"(static_cast<int>(a_major)),
                    "n"(static_cast<int>(b_major)));
}
template <Major a_major, Major b_major>
__device__ __forceinline__ void wgmma_bf16(float (&d)[128], MatrixDescriptor a, MatrixDescriptor b,
                                           bool add) {
  HOTLOOP_WGMMA_256("m64n256k16.f32.bf16.bf16", "+f", ", 1, 1, %131, %132", "n"(static_cast<int>(a_major)),
                    "n"(static_cast<int>(b_major)));
}
// 8 of k, which runs along the rows of both. The lowest 13 bits of each number do not count.
__device__ __forceinline__ void wgmma_tf32(float (&d)[64], MatrixDescriptor a, MatrixDescriptor b, bool add) {
  HOTLOOP_WGMMA_128("m64n128k8.f32.tf32.tf32", "+f", ", 1, 1");
}
__device__ __forceinline__ void wgmma_tf32(float (&d)[128], MatrixDescriptor a, MatrixDescriptor b,
                                           bool add) {
  HOTLOOP_WGMMA_256("m64n256k8.f32.tf32.tf32", "+f", ", 1, 1");
}
// 32 of k, which runs along the rows of both.
__device__ __forceinline__ void wgmma_u8s8(std::int32_t (&d)[64], MatrixDescriptor a, MatrixDescriptor b,
                                           bool add) {
  HOTLOOP_WGMMA_128("m64n128k32.s32.u8.s8", "+r", "");
}
__device__ __forceinline__ void wgmma_u8s8(std::int32_t (&d)[128], MatrixDescriptor a, MatrixDescriptor b,
                                           bool add) {
  HOTLOOP_WGMMA_256("m64n256k32.s32.u8.s8", "+r", "");
}

}  // namespace
}  // namespace hotloop
