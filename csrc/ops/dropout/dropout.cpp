#include "ops/dropout/dropout.h"

#include <cmath>

#include "base/philox.h"
#include "ops/dropout/dropout_kernels.h"

namespace hotloop {
namespace {

std::int32_t keep_below(float rate) {
  return static_cast<std::int32_t>(std::lrint((1.0 - static_cast<double>(rate)) * (1 << 24)));
}

}  // namespace

void dropout(const DropoutArgs& args, const float* x, float* y, bool accumulate, std::int64_t n,
             Share share) {
  const std::uint64_t stream = stream_id(Stream::dropout, args.stream);
  DropoutMask mask;
  mask.key[0] = static_cast<std::uint32_t>(args.seed);
  mask.key[1] = static_cast<std::uint32_t>(args.seed >> 32);
  mask.counter[0] = static_cast<std::uint32_t>(args.step);
  mask.counter[1] = static_cast<std::uint32_t>(stream);
  mask.counter[2] = static_cast<std::uint32_t>(stream >> 32);
  mask.keep_below = keep_below(args.rate);
  mask.scale = args.rate < 1.0f ? 1.0f / (1.0f - args.rate) : 0.0f;
  HOTLOOP_SELECT(dropout_kernel)(mask, x, y, accumulate, n, share);
}

}  // namespace hotloop
