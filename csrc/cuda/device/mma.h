// A warp's tensor cores, as every GPU from capability 8.0 on has them.
//
// One step multiplies 16 rows of A by 8 columns of B over 32 bytes of k: 16 bfloat16, 8 float32, 32 int8.
// Seen as bytes the operands lie alike for all of these. In lane l, with g = l / 4 and t = l % 4:
//   a[0]: row g,     bytes 4 t to 4 t + 3 of k       a[2]: row g,     16 bytes further on
//   a[1]: row g + 8, bytes 4 t to 4 t + 3            a[3]: row g + 8, 16 bytes further on
//   b[0]: column g,  bytes 4 t to 4 t + 3            b[1]: column g,  16 bytes further on
//   d[0], d[1]: row g, columns 2 t and 2 t + 1       d[2], d[3]: row g + 8
#pragma once
#include <cstdint>

namespace hotloop {
namespace {

// What the operands are.
struct Bf16Operands {
  using Sum = float;
  static constexpr int kSize = 2;
};
struct Tf32Operands {
  using Sum = float;
  static constexpr int kSize = 4;
};
struct U8S8Operands {
  using Sum = std::int32_t;
  static constexpr int kSize = 1;
};

__device__ __forceinline__ void multiply_add(Bf16Operands, float (&d)[4], const unsigned (&a)[4], unsigned b0,
                                             unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ void multiply_add(Tf32Operands, float (&d)[4], const unsigned (&a)[4], unsigned b0,
                                             unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ void multiply_add(U8S8Operands, std::int32_t (&d)[4], const unsigned (&a)[4],
                                             unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// float32 bits rounded to TF32's: to nearest, ties away from zero.
__device__ __forceinline__ unsigned round_to_tf32(unsigned bits) {
  unsigned rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(bits)));
  return rounded;
}

// Four matrices of 8 lines by 16 bytes in shared memory: lane l says where line l % 8 of matrix l / 8 is.
// Lane l gets bytes 4 (l % 4) to + 3 of line l / 4 of each.
__device__ __forceinline__ void load_matrices(unsigned (&r)[4], const void* line) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(line)))
               : "memory");
}
// The same with each matrix, of 8 x 8 two-byte numbers, turned: lane l gets column l / 4's numbers of lines
// 2 (l % 4) and + 1.
__device__ __forceinline__ void load_matrices_turned(unsigned (&r)[4], const void* line) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(line)))
               : "memory");
}

}  // namespace
}  // namespace hotloop
