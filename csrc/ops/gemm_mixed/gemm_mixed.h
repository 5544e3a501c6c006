// Products of bfloat16 operands with float32 sums, on the CPU's own bfloat16 units.
//
// A packed operand is a list of panels of 16 rows of A, or 16 columns of B: [panel][k / 32], each entry one
// tile of 1 KB that holds 32 numbers of k for each of the 16, filled up with zeros. In A's tiles the 32 lie
// side by side, [16][32]; in B's, pairs of k do, [16 pairs][16][2].
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"
#include "ops/activation/activation.h"

namespace hotloop {

// What multiplies. widened: no unit, or one slower than float32's; such operands are worth widening to
// float32 and giving to gemm, or not rounding at all.
enum class Bf16Unit { widened, dot, tiles };
// The fastest at the ISA level in force.
Bf16Unit bf16_unit();
const char* bf16_unit_name(Bf16Unit unit);
// Throws std::invalid_argument for an unknown name, or a unit that the level in force lacks.
Bf16Unit bf16_unit_from_name(const char* name);

constexpr std::int64_t kMixedPanel = 16, kMixedDepth = 32, kMixedTile = kMixedPanel * kMixedDepth;
constexpr std::int64_t mixed_panels(std::int64_t count) { return (count + kMixedPanel - 1) / kMixedPanel; }
// Elements from one panel to the next.
constexpr std::int64_t mixed_panel_size(std::int64_t k) {
  return (k + kMixedDepth - 1) / kMixedDepth * kMixedTile;
}
constexpr std::int64_t mixed_packed_size(std::int64_t count, std::int64_t k) {
  return mixed_panels(count) * mixed_panel_size(k);
}

enum class MixedSide { a, b };
// Where `count` rows of A (or columns of B) of k numbers lie, by element strides, one of which is 1.
struct MixedSource {
  std::int64_t count = 0, k = 0;
  std::int64_t count_stride = 0, k_stride = 0;
  // Elements from panel to panel where this is a stretch of a longer k; 0: of this one.
  std::int64_t panel = 0;
};
// Each rank packs its panels. packed: 64-byte aligned. float32 is rounded to nearest even, numbers too small
// for a normal float32 to zero. Not for Bf16Unit::widened.
void mixed_pack(MixedSide side, const float* x, const MixedSource& from, std::uint16_t* packed, Share share);
void mixed_pack(MixedSide side, const std::uint16_t* x, const MixedSource& from, std::uint16_t* packed,
                Share share);

// C = act(A B + bias), or C += A B. k is at least 1.
struct GemmMixedArgs {
  std::int64_t m = 0, n = 0, k = 0;
  const std::uint16_t* a = nullptr;  // both packed
  const std::uint16_t* b = nullptr;
  float* c = nullptr;
  std::uint16_t* c_bf16 = nullptr;  // not null: C goes here, rounded; for linear and relu, without accumulate
  std::int64_t c_row = 0;
  const float* bias = nullptr;                    // n numbers, or null
  bool accumulate = false;                        // then bias must be null
  ActivationArgs activation{Activation::linear};  // elementwise kinds only
  bool past_caches = false;                       // C is 64-byte aligned, and too large to be read from them
};
// Each C[i,j] is summed in an order that depends on k and the unit alone, so its bits don't depend on the
// team or on the other rows and columns. workspace: kMixedWorkspace bytes of this rank's own, 64-byte
// aligned.
constexpr std::int64_t kMixedWorkspace = std::int64_t{40} << 12;
void gemm_mixed(Bf16Unit unit, const GemmMixedArgs& args, void* workspace, Share share);

// The same on plain matrices: A (m x k) and B (k x n) row-major, which this packs, or widens, on its way.
struct MatmulBf16Args {
  std::int64_t m = 0, n = 0, k = 0;
  const std::uint16_t* a = nullptr;
  const std::uint16_t* b = nullptr;
  float* c = nullptr;
  std::uint16_t* c_bf16 = nullptr;  // not null: C goes here, rounded, where matmul_bf16_rounds says so
  const float* bias = nullptr;
  ActivationArgs activation{Activation::linear};
};
bool matmul_bf16_rounds(Bf16Unit unit, const MatmulBf16Args& args);
// Bytes for each rank, 64-byte aligned.
std::int64_t matmul_bf16_workspace(Bf16Unit unit, const MatmulBf16Args& args);
void matmul_bf16(Bf16Unit unit, const MatmulBf16Args& args, void* workspace, Share share);
// The slow witness: the same sums in double.
void matmul_bf16_ref(const MatmulBf16Args& args);

}  // namespace hotloop
