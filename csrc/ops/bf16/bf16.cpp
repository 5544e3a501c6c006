#include "ops/bf16/bf16.h"

namespace hotloop {
namespace {

constexpr std::int64_t kGrain = 4096;

}  // namespace

void to_bf16(const float* x, std::uint16_t* y, std::int64_t n, Share share) {
  const Range mine = share.of(n, kGrain);
  HOTLOOP_SELECT(to_bf16_kernel)(x + mine.begin, y + mine.begin, mine.end - mine.begin);
}

void from_bf16(const std::uint16_t* x, float* y, std::int64_t n, Share share) {
  const Range mine = share.of(n, kGrain);
  HOTLOOP_SELECT(from_bf16_kernel)(x + mine.begin, y + mine.begin, mine.end - mine.begin);
}

void gemm_bf16(const GemmBf16Args& args, Share share) { HOTLOOP_SELECT(gemm_bf16_kernel)(args, share); }

}  // namespace hotloop
