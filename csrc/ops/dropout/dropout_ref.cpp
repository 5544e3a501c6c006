// One element at a time, from the generator's plain form.
#include <cmath>

#include "base/philox.h"
#include "ops/dropout/dropout.h"

namespace hotloop {

void dropout_ref(const DropoutArgs& args, const float* x, float* y, bool accumulate, std::int64_t n) {
  const double keep = 1.0 - static_cast<double>(args.rate);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t counter = static_cast<std::uint64_t>(i / 64 * 16 + i % 16);
    const Philox4 words =
        philox(args.seed, args.step << 32 | counter, stream_id(Stream::dropout, args.stream));
    const bool kept = (words.word[i % 64 / 16] >> 8) < std::nearbyint(keep * 16777216.0);
    const double value = kept ? x[i] / keep : 0.0;
    y[i] = static_cast<float>(accumulate ? y[i] + value : value);
  }
}

}  // namespace hotloop
