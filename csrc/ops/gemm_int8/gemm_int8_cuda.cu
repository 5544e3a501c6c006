// u8 times s8 by the tensor cores. Weights are read as they were placed, or straight from the CPU's packed
// layout, which costs four copies of four bytes where one of sixteen would do.
#include "ops/gemm_int8/gemm_int8_kernels.h"
#include "ops/gemm_int8/int8_few_rows.cuh"
#include "ops/gemm_tensor/ampere_layouts.cuh"
#include "ops/gemm_tensor/gemm_tensor_hopper.h"

namespace hotloop {
namespace {

struct PackedWeights {
  const std::int8_t* data;
  std::int64_t columns, groups;  // columns: filled up to sixteens; groups: of four k
};
template <class Tile>
struct PackedLoader {
  using Matrix = PackedWeights;

  static __device__ __forceinline__ void fetch(const Matrix& from, std::int64_t first, std::int64_t index,
                                               unsigned char* tile) {
#pragma unroll 1
    for (int at = static_cast<int>(threadIdx.x); at < Tile::kLines * Tile::kPieces; at += kTensorThreads) {
      // Threads side by side take columns side by side, whose groups are.
      const int line = at % Tile::kLines, piece = at / Tile::kLines;
      const std::int64_t column = first + line, group = (index * Tile::kPieces + piece) * 4;
      const std::int64_t block = column / 16 * from.groups;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const bool there = column < from.columns && group + i < from.groups;
        const std::int64_t offset = there ? (block + group + i) * 64 + column % 16 * 4 : 0;
        copy_async<4>(tile + Tile::place(line, piece) + 4 * i, from.data + offset, there ? 4 : 0);
      }
    }
  }
};

template <class Shape>
using Activations = TileAlongK<U8S8Operands, Shape::kRows, Shape::kDepth>;
template <class Shape>
using Weights = TileAlongK<U8S8Operands, Shape::kColumns, Shape::kDepth>;

template <class Shape>
void multiply_placed(const GemmInt8Args& g, const StoredMatrix& a) {
  using TileA = Activations<Shape>;
  using TileB = Weights<Shape>;
  const StoredMatrix b = stored(g.weights, g.n, placed_depth_s8(g.k), placed_depth_s8(g.k), 1);
  if (is_aligned(a))
    launch_ampere<U8S8Operands, Shape, TileA, AlignedLoader<TileA>, TileB, AlignedLoader<TileB>>(
        "gemm int8", a, b, g.m, g.n, g.k, Int8Epilogue(g));
  else if constexpr (Shape::kRows <= MediumBlock::kRows)
    launch_ampere<U8S8Operands, Shape, TileA, UnalignedLoader<TileA>, TileB, AlignedLoader<TileB>>(
        "gemm int8", a, b, g.m, g.n, g.k, Int8Epilogue(g));
  else
    multiply_placed<MediumBlock>(g, a);
}

template <class Shape>
void multiply_packed(const GemmInt8Args& g, const StoredMatrix& a) {
  using TileA = Activations<Shape>;
  using TileB = Weights<Shape>;
  launch_ampere<U8S8Operands, Shape, TileA, UnalignedLoader<TileA>, TileB, PackedLoader<TileB>>(
      "gemm int8", a, PackedWeights{g.weights, round_up(g.n, 16), (g.k + 3) / 4}, g.m, g.n, g.k,
      Int8Epilogue(g));
}

}  // namespace

namespace cuda {

void gemm_int8_kernel(const GemmInt8Args& g, Int8Part) {
  if (few_rows_take(g)) return multiply_few_rows(g);
  if (tensor_engine(g) == TensorEngine::hopper) return gemm_int8_hopper(g);
  const StoredMatrix a = stored(g.a, g.m, g.k, g.a_row, 1);
  const TensorBlock block = tensor_block(g.m, g.n);
  if (!g.weights_are_placed)
    block == TensorBlock::small ? multiply_packed<SmallBlock>(g, a) : multiply_packed<MediumBlock>(g, a);
  else if (block == TensorBlock::large)
    multiply_placed<LargeBlock>(g, a);
  else if (block == TensorBlock::medium)
    multiply_placed<MediumBlock>(g, a);
  else
    multiply_placed<SmallBlock>(g, a);
}

}  // namespace cuda
}  // namespace hotloop
