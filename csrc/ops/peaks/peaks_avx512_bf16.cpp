#include "ops/peaks/peaks_kernels.h"
#include "ops/peaks/random_operands.h"

namespace hotloop {
namespace avx512_bf16 {

// Assembly, so that the 28 chains stay in their registers.
double spin_bfloat16_dot(std::int64_t rounds) {
  if (rounds <= 0) return 0;
  std::uint16_t pairs[4 * 32];
  RandomBits random;
  random.fill_bf16(pairs, 4 * 32);
  std::int64_t left = rounds;
  asm volatile(
      "vmovups (%[pairs]), %%zmm28\n"
      "vmovups 64(%[pairs]), %%zmm29\n"
      "vmovups 128(%[pairs]), %%zmm30\n"
      "vmovups 192(%[pairs]), %%zmm31\n"
      ".irp chain, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27\n"
      "vpxord %%zmm\\chain, %%zmm\\chain, %%zmm\\chain\n"
      ".endr\n"
      "1:\n"
      ".irp chain, 0,4,8,12,16,20,24\n"
      "vdpbf16ps %%zmm28, %%zmm30, %%zmm\\chain\n"
      ".endr\n"
      ".irp chain, 1,5,9,13,17,21,25\n"
      "vdpbf16ps %%zmm29, %%zmm30, %%zmm\\chain\n"
      ".endr\n"
      ".irp chain, 2,6,10,14,18,22,26\n"
      "vdpbf16ps %%zmm28, %%zmm31, %%zmm\\chain\n"
      ".endr\n"
      ".irp chain, 3,7,11,15,19,23,27\n"
      "vdpbf16ps %%zmm29, %%zmm31, %%zmm\\chain\n"
      ".endr\n"
      "dec %[left]\n"
      "jnz 1b\n"
      : [left] "+r"(left)
      : [pairs] "r"(pairs)
      : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
        "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
  return 2.0 * 32 * 28 * static_cast<double>(rounds);
}

}  // namespace avx512_bf16
}  // namespace hotloop
