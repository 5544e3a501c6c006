// From GemmTensorArgs to the kernel of their layouts and alignment.
#pragma once
#include "ops/gemm_tensor/ampere_kernel.cuh"
#include "ops/gemm_tensor/epilogue.cuh"
#include "ops/gemm_tensor/gemm_tensor_ampere.h"

namespace hotloop {
namespace {

inline StoredMatrix stored(const void* data, std::int64_t lines, std::int64_t line, std::int64_t pitch,
                           std::int64_t size) {
  const bool by_four = reinterpret_cast<std::uintptr_t>(data) % 4 == 0 && pitch * size % 4 == 0;
  return {static_cast<const unsigned char*>(data), lines, line * size, pitch * size, by_four};
}
inline bool is_aligned(const StoredMatrix& x) {
  return reinterpret_cast<std::uintptr_t>(x.data) % kPiece == 0 && x.pitch % kPiece == 0;
}

template <class Operands, class Shape, template <class, int, int> class A, template <class, int, int> class B>
void multiply(const char* op, const GemmTensorArgs& g, const StoredMatrix& a, const StoredMatrix& b) {
  using TileA = A<Operands, Shape::kRows, Shape::kDepth>;
  using TileB = B<Operands, Shape::kColumns, Shape::kDepth>;
  const std::int64_t depth = g.k * Operands::kSize;
  const FloatEpilogue epilogue(g);
  if (is_aligned(a) && is_aligned(b))
    launch_ampere<Operands, Shape, TileA, AlignedLoader<TileA>, TileB, AlignedLoader<TileB>>(
        op, a, b, g.m, g.n, depth, epilogue);
  else if constexpr (Shape::kRows <= MediumBlock::kRows)
    launch_ampere<Operands, Shape, TileA, UnalignedLoader<TileA>, TileB, UnalignedLoader<TileB>>(
        op, a, b, g.m, g.n, depth, epilogue);
  else
    multiply<Operands, MediumBlock, A, B>(op, g, a, b);
}

template <class Operands, class Shape>
void multiply_layout(const char* op, const GemmTensorArgs& g) {
  constexpr std::int64_t kSize = Operands::kSize;
  const StoredMatrix a =
      g.a_k_contiguous ? stored(g.a, g.m, g.k, g.lda, kSize) : stored(g.a, g.k, g.m, g.lda, kSize);
  const StoredMatrix b =
      g.b_k_contiguous ? stored(g.b, g.n, g.k, g.ldb, kSize) : stored(g.b, g.k, g.n, g.ldb, kSize);
  if (g.a_k_contiguous)
    g.b_k_contiguous ? multiply<Operands, Shape, TileAlongK, TileAlongK>(op, g, a, b)
                     : multiply<Operands, Shape, TileAlongK, TileAcrossK>(op, g, a, b);
  else
    g.b_k_contiguous ? multiply<Operands, Shape, TileAcrossK, TileAlongK>(op, g, a, b)
                     : multiply<Operands, Shape, TileAcrossK, TileAcrossK>(op, g, a, b);
}

template <class Operands>
void multiply_block(const char* op, const GemmTensorArgs& g, TensorBlock block) {
  if (block == TensorBlock::large)
    multiply_layout<Operands, LargeBlock>(op, g);
  else if (block == TensorBlock::medium)
    multiply_layout<Operands, MediumBlock>(op, g);
  else
    multiply_layout<Operands, SmallBlock>(op, g);
}

}  // namespace
}  // namespace hotloop
