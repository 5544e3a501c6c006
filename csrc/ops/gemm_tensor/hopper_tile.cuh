// Tiles of the Hopper engine: what one is made of, and which block makes which.
#pragma once
#include "cuda/device/tma.h"
#include "cuda/device/wgmma.h"

namespace hotloop {
namespace {

// What is multiplied. A stage holds 128 bytes of k, four products' worth.
template <Major a_major, Major b_major>
struct Bf16Product {
  using Sum = float;
  static constexpr Major kA = a_major, kB = b_major;
  static constexpr int kDepth = 64;  // of a stage
  template <int count>
  __device__ __forceinline__ static void add(Sum (&d)[count], MatrixDescriptor a, MatrixDescriptor b,
                                             bool add) {
    wgmma_bf16<a_major, b_major>(d, a, b, add);
  }
};
struct Tf32Product {
  using Sum = float;
  static constexpr Major kA = Major::k, kB = Major::k;
  static constexpr int kDepth = 32;
  template <int count>
  __device__ __forceinline__ static void add(Sum (&d)[count], MatrixDescriptor a, MatrixDescriptor b,
                                             bool add) {
    wgmma_tf32(d, a, b, add);
  }
};
struct Int8Product {
  using Sum = std::int32_t;
  static constexpr Major kA = Major::k, kB = Major::k;
  static constexpr int kDepth = 128;
  template <int count>
  __device__ __forceinline__ static void add(Sum (&d)[count], MatrixDescriptor a, MatrixDescriptor b,
                                             bool add) {
    wgmma_u8s8(d, a, b, add);
  }
};

constexpr int kHopperRows = 128;            // of a tile: 64 for each of two warpgroups
constexpr unsigned kPieceBytes = 64 * 128;  // 64 rows of 128 bytes
// With k along its rows the next of a stage's four products lies 32 bytes on; else 16 rows.
template <Major major>
constexpr unsigned kProductBytes = major == Major::k ? 32 : 16 * 128;

template <int columns>
struct HopperTile {
  static constexpr int kPieces = columns / 64;
  static constexpr unsigned kABytes = kHopperRows * 128, kBBytes = columns * 128;
  static constexpr unsigned kStageBytes = kABytes + kBBytes;
  static constexpr int kStages = columns == 256 ? 4 : 6;
  static constexpr std::size_t kShared = kStages * (kStageBytes + 2 * sizeof(Mbarrier));
};

// The product's tiles, shared out. Blocks of a cluster take tiles one below the other, whose columns of B
// they fetch together.
struct HopperPlan {
  int stages_of_k = 0;
  int cluster = 1;
  int cluster_rows = 0, columns = 0;  // in tiles, cluster_rows in rows of clusters
  int group = 1;                      // cluster rows that are gone through together
};
struct HopperPlace {
  int cluster_row, column;
};
// Down `group` rows, then on to the next column: what is at work at one time reads few rows of A and few
// columns of B, which the second-level cache holds.
__host__ __device__ __forceinline__ HopperPlace hopper_place(const HopperPlan& plan, int index) {
  const int of_group = plan.group * plan.columns, first = index / of_group * plan.group;
  const int left = plan.cluster_rows - first, rows = left < plan.group ? left : plan.group;
  const int within = index - index / of_group * of_group;
  return {first + within % rows, within / rows};
}

}  // namespace
}  // namespace hotloop
