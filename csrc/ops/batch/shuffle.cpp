#include "base/philox.h"
#include "ops/batch/batch.h"

namespace hotloop {
namespace {

// Numbers of one Philox stream, one after the other.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  // Uniform in [0, bound), without bias: Lemire, "Fast random integer generation in an interval" (2019).
  std::uint32_t below(std::uint32_t bound) {
    std::uint64_t product = std::uint64_t{next()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      const std::uint32_t threshold = -bound % bound;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next()} * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  std::uint32_t next() {
    if (used_ == 4) {
      words_ = philox(seed_, counter_++, stream_);
      used_ = 0;
    }
    return words_.word[used_++];
  }

  std::uint64_t seed_, stream_, counter_ = 0;
  Philox4 words_{};
  int used_ = 4;
};

}  // namespace

void shuffled_order(std::uint64_t seed, std::uint64_t epoch, std::int64_t n, std::int32_t* order) {
  for (std::int64_t i = 0; i < n; ++i) order[i] = static_cast<std::int32_t>(i);
  Draws draws(seed, stream_id(Stream::shuffle, static_cast<std::uint32_t>(epoch)));
  for (std::int64_t i = n - 1; i > 0; --i) {
    const std::uint32_t other = draws.below(static_cast<std::uint32_t>(i + 1));
    const std::int32_t moved = order[i];
    order[i] = order[other];
    order[other] = moved;
  }
}

}  // namespace hotloop
