// Stands in for csrc/cuda/device/mma.h: the same fragments, in plain sums.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "fibers.h"

namespace emulator {

// All lanes of a warp show each other a T.
template <class T>
void show(const T& mine, T (&all)[32]) {
  std::uint64_t where[32], nothing[32];
  exchange(0xffffffffu, reinterpret_cast<std::uint64_t>(&mine), where);
  for (int i = 0; i < 32; ++i) std::memcpy(&all[i], reinterpret_cast<const T*>(where[i]), sizeof(T));
  exchange(0xffffffffu, 0, nothing);  // nobody goes on before all have read
}

struct Fragments {
  unsigned a[4], b[2];
};
struct Line {
  unsigned char bytes[16];
};

inline void load_lines(Line (&lines)[32], const void* line) {
  if (reinterpret_cast<std::uintptr_t>(line) % 16 != 0) fail("a matrix's line is not aligned to 16 bytes");
  Line mine;
  std::memcpy(&mine, line, sizeof(mine));
  show(mine, lines);
}

// The number `index` of a register, as what it is multiplied as.
inline float number(float, unsigned bits, int) {
  bits &= ~0x1fffu;  // the lowest 13 bits are not looked at
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
inline float number(std::uint16_t, unsigned bits, int index) {
  bits = index == 0 ? bits << 16 : bits & 0xffff0000u;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
inline std::uint32_t number(std::uint8_t, unsigned bits, int index) { return bits >> 8 * index & 0xffu; }
inline std::uint32_t number(std::int8_t, unsigned bits, int index) {
  return static_cast<std::uint32_t>(static_cast<std::int8_t>(bits >> 8 * index));
}

template <class A, class B, class Sum>
void multiply_add_fragments(Sum (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  Fragments all[32];
  show(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}}, all);
  const int g = current().lane() / 4, t = current().lane() % 4;
  for (int e = 0; e < 4; ++e) {
    const int row = g, column = 2 * t + e % 2, lower = e / 2;
    using Work = std::conditional_t<std::is_same_v<Sum, float>, float, std::uint32_t>;  // signed sums wrap
    Work sum = static_cast<Work>(d[e]);
    for (int half = 0; half < 2; ++half)
      for (int lane = 0; lane < 4; ++lane)
        for (int i = 0; i < 4 / static_cast<int>(sizeof(A)); ++i)
          sum += number(A{}, all[4 * row + lane].a[2 * half + lower], i) *
                 number(B{}, all[4 * column + lane].b[half], i);
    d[e] = static_cast<Sum>(sum);
  }
}

}  // namespace emulator

namespace hotloop {
namespace {

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

inline void multiply_add(Bf16Operands, float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulator::multiply_add_fragments<std::uint16_t, std::uint16_t>(d, a, b0, b1);
}
inline void multiply_add(Tf32Operands, float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulator::multiply_add_fragments<float, float>(d, a, b0, b1);
}
inline void multiply_add(U8S8Operands, std::int32_t (&d)[4], const unsigned (&a)[4], unsigned b0,
                         unsigned b1) {
  emulator::multiply_add_fragments<std::uint8_t, std::int8_t>(d, a, b0, b1);
}

inline unsigned round_to_tf32(unsigned bits) {
  const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return finite ? (bits + 0x1000u) & ~0x1fffu : (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fffe000u : bits;
}

inline void load_matrices(unsigned (&r)[4], const void* line) {
  emulator::Line lines[32];
  emulator::load_lines(lines, line);
  const int lane = emulator::current().lane();
  for (int i = 0; i < 4; ++i) std::memcpy(&r[i], lines[8 * i + lane / 4].bytes + 4 * (lane % 4), 4);
}
inline void load_matrices_turned(unsigned (&r)[4], const void* line) {
  emulator::Line lines[32];
  emulator::load_lines(lines, line);
  const int lane = emulator::current().lane();
  for (int i = 0; i < 4; ++i) {
    std::uint16_t pair[2];
    for (int e = 0; e < 2; ++e)
      std::memcpy(&pair[e], lines[8 * i + 2 * (lane % 4) + e].bytes + 2 * (lane / 4), 2);
    r[i] = pair[0] | static_cast<unsigned>(pair[1]) << 16;
  }
}

}  // namespace
}  // namespace hotloop
