// The kernel behind dropout.h that is compiled once per ISA level.
#pragma once
#include "ops/dropout/dropout.h"

namespace hotloop {

// Philox's key, the three counter words that stay the same through a call, and the rate in whole numbers.
struct DropoutMask {
  std::uint32_t key[2];
  std::uint32_t counter[3];
  std::int32_t keep_below;  // kept when a number's upper 24 bits are below this
  float scale;              // of what is kept
};
// Sixteen counters make a block of 64 numbers: 4 words each.
constexpr std::int64_t kDropoutBlock = 64;

HOTLOOP_PER_ISA(void dropout_kernel(const DropoutMask& mask, const float* x, float* y, bool accumulate,
                                    std::int64_t n, Share share);)

}  // namespace hotloop
