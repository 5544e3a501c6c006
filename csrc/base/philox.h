// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011). A number depends on its key and counter alone, so any thread can draw any of them.
#pragma once
#include <cstdint>

namespace hotloop {

struct Philox4 {
  std::uint32_t word[4];
};

// constexpr, so that GPUs can call it too.
constexpr Philox4 philox(std::uint64_t key, std::uint64_t counter_low, std::uint64_t counter_high) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  Philox4 c{{static_cast<std::uint32_t>(counter_low), static_cast<std::uint32_t>(counter_low >> 32),
             static_cast<std::uint32_t>(counter_high), static_cast<std::uint32_t>(counter_high >> 32)}};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c.word[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c.word[2];
    c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

// Counter's upper half: what the numbers are for, so that streams never overlap.
enum class Stream : std::uint32_t { shuffle = 1, dropout = 2 };

constexpr std::uint64_t stream_id(Stream purpose, std::uint32_t index) {
  return std::uint64_t{static_cast<std::uint32_t>(purpose)} << 32 | index;
}

}  // namespace hotloop
