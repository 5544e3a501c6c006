// Launching the Hopper engine: the size of the tiles, and what each block makes.
#pragma once
#include <algorithm>

#include "cuda/launch.h"
#include "cuda/tensor_map.h"
#include "ops/gemm_tensor/hopper_finish.cuh"
#include "ops/gemm_tensor/hopper_kernel.cuh"

namespace hotloop {
namespace {

// An operand: `count` rows of A or columns of B, of depth k.
struct HopperOperand {
  cuda::MapType type;
  const void* data;
  std::int64_t count, k, stride;
  bool k_contiguous;

  // In boxes of `boxed` rows or columns, or pieces of 64 where k does not run along the rows.
  CUtensorMap map(int boxed) const {
    return k_contiguous ? cuda::tensor_map({type, data, k, count, stride, boxed})
                        : cuda::tensor_map({type, data, count, k, stride, 64});
  }
};

// Alignment and sizes that the copy engine takes.
inline bool copy_engine_takes(const HopperOperand& x) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  return x.count < kMost && x.k < kMost && reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 &&
         x.stride * cuda::map_element_bytes(x.type) % 16 == 0;
}

// Below a quarter of the multiprocessors at work, smaller tiles win.
inline bool enough_for_hopper(std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t tiles = cuda::divide_up(m, kHopperRows) * cuda::divide_up(n, 128);
  return m >= 64 && n >= 64 && k >= 64 && 4 * tiles >= cuda::device_limits().multiprocessors &&
         tiles < (std::int64_t{1} << 30);
}

struct HopperGrid {
  HopperPlan plan;
  int blocks = 0;
  // How long the blocks take, in wide tiles: the narrow ones' operands keep the second-level cache busier.
  double time = 0.0;
};

inline HopperGrid hopper_grid(std::int64_t m, std::int64_t n, int stages_of_k, int columns) {
  const int rows = static_cast<int>(cuda::divide_up(m, kHopperRows));
  const int multiprocessors = cuda::device_limits().multiprocessors;
  HopperGrid grid;
  HopperPlan& plan = grid.plan;
  plan.stages_of_k = stages_of_k;
  // An odd number of tile rows leaves half of the last clusters without work.
  plan.cluster = multiprocessors >= 2 && (rows % 2 == 0 || rows >= 16) ? 2 : 1;
  plan.cluster_rows = (rows + plan.cluster - 1) / plan.cluster;
  plan.columns = static_cast<int>(cuda::divide_up(n, columns));
  plan.group = 16 / plan.cluster;
  const int tiles = plan.cluster_rows * plan.columns, at_once = multiprocessors / plan.cluster;
  grid.blocks = plan.cluster * std::min(tiles, at_once);
  grid.time = static_cast<double>(cuda::divide_up(tiles, at_once)) * (columns == 256 ? 1.0 : 0.58);
  return grid;
}

template <class Product, int columns, class Finish>
void launch_hopper(const char* op, const HopperOperand& a, const HopperOperand& b, const HopperGrid& grid,
                   const Finish& finish) {
  using Tile = HopperTile<columns>;
  cuda::launch(op, gemm_hopper_kernel<Product, columns, Finish>,
               {dim3(static_cast<unsigned>(grid.blocks)), dim3(3 * kWarpgroup), Tile::kShared,
                static_cast<unsigned>(grid.plan.cluster)},
               a.map(kHopperRows), b.map(columns / grid.plan.cluster), grid.plan, finish);
}

template <class Product, class Finish>
void run_hopper(const char* op, const HopperOperand& a, const HopperOperand& b, const Finish& finish) {
  const int stages = static_cast<int>(cuda::divide_up(a.k, Product::kDepth));
  const HopperGrid wide = hopper_grid(a.count, b.count, stages, 256);
  const HopperGrid narrow = hopper_grid(a.count, b.count, stages, 128);
  if (wide.time <= narrow.time)
    launch_hopper<Product, 256>(op, a, b, wide, finish);
  else
    launch_hopper<Product, 128>(op, a, b, narrow, finish);
}

inline HopperOperand hopper_a(cuda::MapType type, const GemmTensorArgs& g) {
  return {type, g.a, g.m, g.k, g.lda, g.a_k_contiguous};
}
inline HopperOperand hopper_b(cuda::MapType type, const GemmTensorArgs& g) {
  return {type, g.b, g.n, g.k, g.ldb, g.b_k_contiguous};
}

template <class Product>
void run_hopper_floats(const char* op, cuda::MapType type, const GemmTensorArgs& g) {
  if (g.activation.kind == Activation::linear || g.activation.kind == Activation::relu)
    run_hopper<Product>(op, hopper_a(type, g), hopper_b(type, g), FloatFinish<false>(g));
  else
    run_hopper<Product>(op, hopper_a(type, g), hopper_b(type, g), FloatFinish<true>(g));
}

}  // namespace
}  // namespace hotloop
