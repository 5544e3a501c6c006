// Stands in for csrc/cuda/device/wgmma.h. Each thread computes its own sums, not before it waits for them.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "cuda/device/hopper.h"
#include "cuda/device/tma.h"

namespace hotloop {
namespace {

enum class Major { k, other };

// Where the bytes of a tile lie; the address is the plain one, before the swizzle.
struct MatrixDescriptor {
  unsigned char* start;
  unsigned leading, eight_rows;
  Major major;
};
template <Major major>
MatrixDescriptor matrix_descriptor(const void* tile, unsigned step) {
  return {const_cast<unsigned char*>(static_cast<const unsigned char*>(tile)), step, 1024, major};
}
inline MatrixDescriptor operator+(MatrixDescriptor from, unsigned bytes) {
  from.start += bytes;
  return from;
}

}  // namespace
}  // namespace hotloop

namespace emulator {

using hotloop::Major;
using hotloop::MatrixDescriptor;

// The element (index, k) of a tile.
template <class T>
T element(const MatrixDescriptor& tile, int index, int k) {
  constexpr int kSize = sizeof(T), kAcross = 128 / kSize;
  unsigned char* plain = tile.start;
  if (tile.major == Major::k)
    plain += static_cast<std::size_t>(index / 8) * tile.eight_rows + index % 8 * 128 + k * kSize;
  else
    plain += static_cast<std::size_t>(index / kAcross) * tile.leading +
             static_cast<std::size_t>(k / 8) * tile.eight_rows + k % 8 * 128 + index % kAcross * kSize;
  T value;
  std::memcpy(&value, swizzled(plain), kSize);
  return value;
}

struct Bf16 {
  std::uint16_t bits;
};
inline float widened(Bf16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
// The unit does not look at the lowest 13 bits.
inline float widened(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits &= ~0x1fffu;
  std::memcpy(&x, &bits, 4);
  return x;
}
inline std::int32_t widened(std::uint8_t x) { return x; }
inline std::int32_t widened(std::int8_t x) { return x; }

// This thread's sums of 64 rows and n columns.
template <class A, class B, class Sum, int count>
void multiply(Sum (&d)[count], const MatrixDescriptor& a, const MatrixDescriptor& b, bool add) {
  constexpr int kDepth = 32 / static_cast<int>(sizeof(A)), kColumns = 2 * count;
  const int warp = current().warp() % 4, lane = current().lane();
  std::array<std::array<Sum, kDepth>, 2> rows;
  for (int h = 0; h < 2; ++h)
    for (int k = 0; k < kDepth; ++k)
      rows[h][k] = static_cast<Sum>(widened(element<A>(a, 16 * warp + lane / 4 + 8 * h, k)));
  for (int j = 0; j < kColumns / 8; ++j)
    for (int e = 0; e < 2; ++e) {
      std::array<Sum, kDepth> column;
      for (int k = 0; k < kDepth; ++k)
        column[k] = static_cast<Sum>(widened(element<B>(b, 8 * j + 2 * (lane % 4) + e, k)));
      for (int h = 0; h < 2; ++h) {
        Sum& sum = d[4 * j + 2 * h + e];
        Sum total = add ? sum : Sum{0};
        for (int k = 0; k < kDepth; ++k) total += rows[h][k] * column[k];
        sum = total;
      }
    }
}

// Of each thread the groups of products that it has not waited for; the last one is not closed yet.
struct Products final : Attachment {
  using Groups = std::deque<std::vector<std::function<void()>>>;
  std::map<const ThreadState*, Groups> of_thread;

  static Groups& mine() {
    std::unique_ptr<Attachment>& kept = attachment(Place::products);
    if (!kept) kept = std::make_unique<Products>();
    Groups& groups = static_cast<Products&>(*kept).of_thread[&current()];
    if (groups.empty()) groups.emplace_back();
    return groups;
  }
  void finished() override {
    for (const auto& [thread, groups] : of_thread)
      if (groups.size() > 1 || !groups.front().empty()) fail("a thread returned before products that it had begun");
  }
};
template <class A, class B, class Sum, int count>
void multiply_later(Sum (&d)[count], const MatrixDescriptor& a, const MatrixDescriptor& b, bool add) {
  Sum (*sums)[count] = &d;
  Products::mine().back().push_back([=] { multiply<A, B>(*sums, a, b, add); });
}

}  // namespace emulator

namespace hotloop {
namespace {

inline void wgmma_fence() {}
inline void wgmma_commit() { emulator::Products::mine().emplace_back(); }
template <int left>
void wgmma_wait() {
  auto& groups = emulator::Products::mine();
  for (; groups.size() > left + 1; groups.pop_front())
    for (const auto& product : groups.front()) product();
  // The lanes of a warp go on together.
  std::uint64_t all[32];
  emulator::exchange(0xffffffffu, 0, all);
}
template <class Sum, int count>
void wgmma_settle(Sum (&)[count]) {}

template <Major a_major, Major b_major, int count>
void wgmma_bf16(float (&d)[count], MatrixDescriptor a, MatrixDescriptor b, bool add) {
  if (a.major != a_major || b.major != b_major) emulator::fail("a product takes a tile the wrong way round");
  emulator::multiply_later<emulator::Bf16, emulator::Bf16>(d, a, b, add);
}
template <int count>
void wgmma_tf32(float (&d)[count], MatrixDescriptor a, MatrixDescriptor b, bool add) {
  if (a.major != Major::k || b.major != Major::k) emulator::fail("float32 tiles have k along their rows");
  emulator::multiply_later<float, float>(d, a, b, add);
}
template <int count>
void wgmma_u8s8(std::int32_t (&d)[count], MatrixDescriptor a, MatrixDescriptor b, bool add) {
  if (a.major != Major::k || b.major != Major::k) emulator::fail("int8 tiles have k along their rows");
  emulator::multiply_later<std::uint8_t, std::int8_t>(d, a, b, add);
}

}  // namespace
}  // namespace hotloop
