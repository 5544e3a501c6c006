// Tiles of an operand in shared memory: where their bytes lie, how loaders fill them, how warps read them.
//
// A tile is a number of lines of 16-byte pieces. Along k: a line for each row of A (or column of B), k from
// left to right. Across k: a line for each k. Pieces change places within groups of eight (or four, in lines
// of four) by the line's number, so that what a warp reads at once lies in different banks.
#pragma once
#include <cstdint>

#include "cuda/device/async_copy.h"
#include "cuda/device/mma.h"

namespace hotloop {
namespace {

constexpr int kTensorThreads = 128, kPiece = 16, kStepBytes = 32;  // of k in a step: see mma.h

template <int pieces>
__device__ __forceinline__ int swizzled_place(int line, int piece, int by) {
  return (line * pieces + (piece ^ by)) * kPiece;
}

// Both kinds have fragments(): the four registers of 16 rows of A, or b0, b1 of one 8 columns of B and b0, b1
// of the next 8, for step `step` of the tile.
template <class Operands, int count, int depth_bytes>
struct TileAlongK {
  static constexpr int kSize = Operands::kSize;
  static constexpr int kLines = count, kPieces = depth_bytes / kPiece, kBytes = count * depth_bytes;
  static constexpr bool kAlong = true;
  static_assert(kPieces == 4 || kPieces == 8);

  static __device__ __forceinline__ int place(int line, int piece) {
    return swizzled_place<kPieces>(line, piece, kPieces == 8 ? line & 7 : line >> 1 & 3);
  }
  static __device__ __forceinline__ void rows(const unsigned char* tile, int first, int step,
                                              unsigned (&r)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    load_matrices(r, tile + place(first + lane % 16, 2 * step + lane / 16));
    round(r);
  }
  static __device__ __forceinline__ void columns(const unsigned char* tile, int first, int step,
                                                 unsigned (&r)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    load_matrices(r, tile + place(first + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
    round(r);
  }
  static __device__ __forceinline__ void round(unsigned (&r)[4]) {
    if constexpr (kSize == 4)
      for (unsigned& bits : r) bits = round_to_tf32(bits);
  }
};

template <class Operands, int count, int depth_bytes>
struct TileAcrossK {
  static constexpr int kSize = Operands::kSize;
  static constexpr int kLines = depth_bytes / kSize, kPieces = count * kSize / kPiece;
  static constexpr int kBytes = count * depth_bytes;
  static constexpr bool kAlong = false;
  static_assert(kSize == 2 ? kPieces >= 4 : kPieces >= 8);

  static __device__ __forceinline__ int place(int line, int piece) {
    // float32 is read by single numbers, two pieces of four lines at once.
    const int by = kSize == 4 ? 2 * (line & 3) : kPieces >= 8 ? line & 7 : line >> 1 & 3;
    return swizzled_place<kPieces>(line, piece, by);
  }
  static __device__ __forceinline__ unsigned number(const unsigned char* tile, int k, int at) {
    const unsigned char* from = tile + place(k, at / 4) + at % 4 * 4;
    return round_to_tf32(*reinterpret_cast<const unsigned*>(from));
  }
  static __device__ __forceinline__ void rows(const unsigned char* tile, int first, int step,
                                              unsigned (&r)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if constexpr (kSize == 2) {
      load_matrices_turned(r, tile + place(16 * step + lane / 16 * 8 + lane % 8, first / 8 + lane / 8 % 2));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        r[i] = number(tile, 8 * step + i / 2 * 4 + lane % 4, first + i % 2 * 8 + lane / 4);
    }
  }
  static __device__ __forceinline__ void columns(const unsigned char* tile, int first, int step,
                                                 unsigned (&r)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if constexpr (kSize == 2) {
      load_matrices_turned(r, tile + place(16 * step + lane % 16, first / 8 + lane / 16));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        r[i] = number(tile, 8 * step + i % 2 * 4 + lane % 4, first + i / 2 * 8 + lane / 4);
    }
  }
};

// A matrix as it is stored: so many lines of so many bytes.
struct StoredMatrix {
  const unsigned char* data;
  std::int64_t lines, line_bytes, pitch;
  bool by_four;  // lines begin at multiples of four bytes: what loaders for any alignment are glad of
};

// Where a tile's first piece is: the one that begins at row (or column) `first` of the operand and is the
// `index`-th along k.
template <class Tile>
__device__ __forceinline__ std::int64_t first_line(std::int64_t first, std::int64_t index) {
  return Tile::kAlong ? first : index * Tile::kLines;
}
template <class Tile>
__device__ __forceinline__ std::int64_t first_byte(std::int64_t first, std::int64_t index) {
  return Tile::kAlong ? index * Tile::kPieces * kPiece : first * Tile::kSize;
}

// Loaders have a Matrix that travels to the kernel, and fetch, by which all threads of a block fill a tile;
// what lies outside of the operand becomes zero. A convolution is a loader that finds its lines elsewhere.
//
// This one is for lines that begin at multiples of 16 bytes.
template <class Tile>
struct AlignedLoader {
  using Matrix = StoredMatrix;

  static __device__ __forceinline__ void fetch(const Matrix& from, std::int64_t first, std::int64_t index,
                                               unsigned char* tile) {
    constexpr int kStride = kTensorThreads / Tile::kPieces, kTurns = Tile::kLines / kStride;
    static_assert(kTensorThreads % Tile::kPieces == 0 && Tile::kLines % kStride == 0);
    const int thread = static_cast<int>(threadIdx.x);
    const int line = thread / Tile::kPieces, piece = thread % Tile::kPieces;
    const std::int64_t top = first_line<Tile>(first, index), left = first_byte<Tile>(first, index);
    const unsigned char* source = from.data + top * from.pitch + left + (line * from.pitch + piece * kPiece);
    if (top + Tile::kLines <= from.lines && left + Tile::kPieces * kPiece <= from.line_bytes) {
#pragma unroll
      for (int i = 0; i < kTurns; ++i)
        copy_async<16>(tile + Tile::place(line + i * kStride, piece), source + i * kStride * from.pitch, 16);
      return;
    }
    const std::int64_t rest = from.line_bytes - left - piece * kPiece;
    const int there = rest >= kPiece ? kPiece : rest > 0 ? static_cast<int>(rest) : 0;
#pragma unroll
    for (int i = 0; i < kTurns; ++i) {
      const int valid = top + line + i * kStride < from.lines ? there : 0;
      copy_async<16>(tile + Tile::place(line + i * kStride, piece),
                     valid > 0 ? source + i * kStride * from.pitch : from.data, valid);
    }
  }
};

// For lines of numbers that begin anywhere: by four bytes at a time where that can be, else
// by single numbers, for which the thread waits.
template <class Tile>
struct UnalignedLoader {
  using Matrix = StoredMatrix;
  static constexpr int kSize = Tile::kSize;

  static __device__ __forceinline__ void fetch(const Matrix& from, std::int64_t first, std::int64_t index,
                                               unsigned char* tile) {
    const std::int64_t top = first_line<Tile>(first, index);
    const std::int64_t left = first_byte<Tile>(first, index);
#pragma unroll 1
    for (int at = static_cast<int>(threadIdx.x); at < Tile::kLines * Tile::kPieces; at += kTensorThreads) {
      const int line = at / Tile::kPieces, piece = at % Tile::kPieces;
      const std::int64_t byte = left + piece * kPiece;
      const std::int64_t rest = top + line < from.lines ? from.line_bytes - byte : 0;
      fetch_piece(from, (top + line) * from.pitch + byte, rest, tile + Tile::place(line, piece));
    }
  }
  // rest: bytes of the line from the offset on, which may be none.
  static __device__ __forceinline__ void fetch_piece(const Matrix& from, std::int64_t offset,
                                                     std::int64_t rest, unsigned char* to) {
    if (kSize == 4 || from.by_four) {
#pragma unroll
      for (int i = 0; i < kPiece; i += 4) {
        const int valid = rest - i >= 4 ? 4 : rest - i > 0 ? static_cast<int>(rest - i) : 0;
        copy_async<4>(to + i, valid > 0 ? from.data + offset + i : from.data, valid);
      }
      return;
    }
    unsigned words[4] = {};
#pragma unroll
    for (int i = 0; i < kPiece; i += kSize) {
      if (i >= rest) continue;
      const unsigned char* number = from.data + offset + i;
      const unsigned bits = kSize == 2 ? *reinterpret_cast<const std::uint16_t*>(number) : *number;
      words[i / 4] |= bits << i % 4 * 8;
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
  }
};

}  // namespace
}  // namespace hotloop
