// Numbers to measure with. Zeros and constants use less power than real data, and run up to a fifth faster
// for it: the clock follows the power.
#pragma once
#include <cstdint>

namespace hotloop {
namespace {

class RandomBits {
 public:
  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  // Of random sign, between 1 and 2.
  void fill(float* x, int n) {
    for (int i = 0; i < n; ++i) {
      const std::uint32_t bits = (next() & 0x807fffffu) | 0x3f800000u;
      __builtin_memcpy(x + i, &bits, sizeof bits);
    }
  }
  void fill_bf16(std::uint16_t* x, int n) {
    for (int i = 0; i < n; ++i) x[i] = static_cast<std::uint16_t>((next() >> 16 & 0x807fu) | 0x3f80u);
  }
  void fill(std::int8_t* x, int n) {
    for (int i = 0; i < n; ++i) x[i] = static_cast<std::int8_t>(next() >> 24);
  }

 private:
  std::uint32_t state_ = 0x9e3779b9u;
};

}  // namespace
}  // namespace hotloop
