// The Hopper engine's kernel: one warp fetches tiles of A and B into a ring of stages, two warpgroups
// multiply them. A block makes one tile of C after the other; the fetching goes on while a finished tile is
// put away.
#pragma once
#include "cuda/device/shared.h"
#include "ops/gemm_tensor/hopper_tile.cuh"

namespace hotloop {
namespace {

// The stage in turn, and the parity of its barriers' phase.
template <int stages>
struct RingPlace {
  int stage = 0;
  unsigned parity = 0;
  __device__ __forceinline__ void next() {
    if (++stage == stages) stage = 0, parity ^= 1;
  }
};

template <int columns>
struct HopperShared {
  using Tile = HopperTile<columns>;
  unsigned char* const tiles = dynamic_shared();
  Mbarrier* const full = reinterpret_cast<Mbarrier*>(tiles + Tile::kStages * Tile::kStageBytes);
  Mbarrier* const empty = full + Tile::kStages;

  __device__ __forceinline__ unsigned char* a(int stage) const { return tiles + stage * Tile::kStageBytes; }
  __device__ __forceinline__ unsigned char* b(int stage) const { return a(stage) + Tile::kABytes; }
};

// The part of B that this block fetches goes to all of the cluster.
template <Major major, int columns>
__device__ __forceinline__ void fetch_b(const CUtensorMap* map, unsigned char* to, int column, int k,
                                        int cluster, int rank, Mbarrier* full) {
  constexpr int kPieces = HopperTile<columns>::kPieces;
  const auto everyone = static_cast<std::uint16_t>((1 << cluster) - 1);
  const int mine = kPieces / cluster, first = rank * mine;
  const auto fetch = [&](int piece, int inner, int outer) {
    if (cluster == 1)
      tma_load(to + piece * kPieceBytes, map, inner, outer, full);
    else
      tma_load_multicast(to + piece * kPieceBytes, map, inner, outer, full, everyone);
  };
  if constexpr (major == Major::k)
    fetch(first, k, column + 64 * first);
  else
    for (int p = first; p < first + mine; ++p) fetch(p, column + 64 * p, k);
}

template <class Product, int columns>
__device__ __forceinline__ void fetch_tiles(const CUtensorMap* a_map, const CUtensorMap* b_map,
                                            const HopperPlan& plan, const HopperShared<columns>& shared) {
  using Tile = HopperTile<columns>;
  const int rank = cluster_rank(), clusters = static_cast<int>(gridDim.x) / plan.cluster;
  RingPlace<Tile::kStages> at;
  tma_prefetch(a_map);
  tma_prefetch(b_map);
  for (int t = static_cast<int>(blockIdx.x) / plan.cluster; t < plan.cluster_rows * plan.columns;
       t += clusters) {
    const HopperPlace place = hopper_place(plan, t);
    const int row = (place.cluster_row * plan.cluster + rank) * kHopperRows, column = place.column * columns;
    for (int step = 0; step < plan.stages_of_k; ++step, at.next()) {
      const int k = step * Product::kDepth;
      Mbarrier* const full = shared.full + at.stage;
      mbarrier_wait(shared.empty + at.stage, at.parity ^ 1);
      mbarrier_arrive_expecting(full, Tile::kStageBytes);
      unsigned char* const a = shared.a(at.stage);
      if constexpr (Product::kA == Major::k) {
        tma_load(a, a_map, k, row, full);
      } else {
        tma_load(a, a_map, row, k, full);
        tma_load(a + kPieceBytes, a_map, row + 64, k, full);
      }
      fetch_b<Product::kB, columns>(b_map, shared.b(at.stage), column, k, plan.cluster, rank, full);
    }
  }
}

// Tells the blocks of the cluster that this warp needs a stage no more.
__device__ __forceinline__ void release(Mbarrier* empty, int cluster) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (lane < cluster) mbarrier_arrive(empty, lane);
}

template <class Product, int columns, class Finish>
__device__ __forceinline__ void multiply_tiles(const HopperPlan& plan, const HopperShared<columns>& shared,
                                               const Finish& finish, int group) {
  using Tile = HopperTile<columns>;
  const int rank = cluster_rank(), clusters = static_cast<int>(gridDim.x) / plan.cluster;
  RingPlace<Tile::kStages> at;
  for (int t = static_cast<int>(blockIdx.x) / plan.cluster; t < plan.cluster_rows * plan.columns;
       t += clusters) {
    typename Product::Sum sums[columns / 2];
    int before = 0;
    for (int step = 0; step < plan.stages_of_k; ++step) {
      mbarrier_wait(shared.full + at.stage, at.parity);
      const auto a = matrix_descriptor<Product::kA>(shared.a(at.stage) + group * kPieceBytes, kPieceBytes);
      const auto b = matrix_descriptor<Product::kB>(shared.b(at.stage), kPieceBytes);
      wgmma_fence();
#pragma unroll
      for (int part = 0; part < 4; ++part)
        Product::add(sums, a + part * kProductBytes<Product::kA>, b + part * kProductBytes<Product::kB>,
                     step + part != 0);
      wgmma_commit();
      // The stage before: its products are done when only the latest are at work.
      wgmma_wait<1>();
      if (step != 0) release(shared.empty + before, plan.cluster);
      before = at.stage;
      at.next();
    }
    wgmma_wait<0>();
    wgmma_settle(sums);
    release(shared.empty + before, plan.cluster);
    // Nothing of what follows is to be worked out beforehand, where it would take registers from the sums.
    const HopperPlace place = hopper_place(plan, kept_until_here(t));
    finish(sums, (place.cluster_row * plan.cluster + rank) * kHopperRows + group * 64,
           place.column * columns);
  }
}

// Finish: called with a warpgroup's sums, laid out as wgmma.h says, and the row and column of C of the first.
template <class Product, int columns, class Finish>
__global__ void __launch_bounds__(3 * kWarpgroup, 1)
    gemm_hopper_kernel(const __grid_constant__ CUtensorMap a_map, const __grid_constant__ CUtensorMap b_map,
                       const HopperPlan plan, const Finish finish) {
  if constexpr (kHopper) {
    using Tile = HopperTile<columns>;
    constexpr int kWarpsThatMultiply = 8;
    const HopperShared<columns> shared;
    if (threadIdx.x == 0) {
      for (int stage = 0; stage < Tile::kStages; ++stage) {
        mbarrier_init(shared.full + stage, 1);
        mbarrier_init(shared.empty + stage, static_cast<unsigned>(kWarpsThatMultiply * plan.cluster));
      }
      mbarriers_ready();
    }
    cluster_sync();
    // The same for all threads of a warp, and the compiler is to know it.
    const int warpgroup = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / kWarpgroup, 0);
    if (warpgroup == 0) {
      give_registers<40>();
      if (threadIdx.x == 0) fetch_tiles<Product, columns>(&a_map, &b_map, plan, shared);
    } else {
      take_registers<232>();
      multiply_tiles<Product, columns>(plan, shared, finish, warpgroup - 1);
    }
    // The other block may still tell this one's barriers of stages that it needs no more.
    cluster_sync();
  }
}

}  // namespace
}  // namespace hotloop
