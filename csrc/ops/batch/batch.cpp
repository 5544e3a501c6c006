#include "ops/batch/batch.h"

#include <atomic>
#include <cstring>

#include "base/philox.h"
#include "cpu/team.h"
#include "ops/batch/batch_kernels.h"

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

template <std::int64_t row_size, class T>
void gather_short_rows(const T* source, const std::int32_t* index, Range mine, T* out) {
  for (std::int64_t r = mine.begin; r < mine.end; ++r)
    std::memcpy(out + r * row_size, source + index[r] * row_size, row_size * sizeof(T));
}

// Rows are copied as they are. Short rows have their size known to the compiler: no call for each of them.
template <class T>
void gather_rows(const T* source, std::int64_t row_size, const std::int32_t* index, std::int64_t first,
                 std::int64_t rows, T* out, Share share) {
  const Range mine = share.of(rows);
  if (mine.begin == mine.end || row_size == 0) return;
  const std::size_t row_bytes = static_cast<std::size_t>(row_size) * sizeof(T);
  if (index == nullptr) {
    std::memcpy(out + mine.begin * row_size, source + (first + mine.begin) * row_size,
                static_cast<std::size_t>(mine.end - mine.begin) * row_bytes);
    return;
  }
  switch (row_size) {
    case 1:
      return gather_short_rows<1>(source, index, mine, out);
    case 2:
      return gather_short_rows<2>(source, index, mine, out);
    case 3:
      return gather_short_rows<3>(source, index, mine, out);
    case 4:
      return gather_short_rows<4>(source, index, mine, out);
    case 8:
      return gather_short_rows<8>(source, index, mine, out);
    case 16:
      return gather_short_rows<16>(source, index, mine, out);
    default:
      for (std::int64_t r = mine.begin; r < mine.end; ++r)
        std::memcpy(out + r * row_size, source + index[r] * row_size, row_bytes);
  }
}

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

void gather_rows_f32(const float* source, std::int64_t row_size, const std::int32_t* index,
                     std::int64_t first, std::int64_t rows, float* out, Share share) {
  gather_rows(source, row_size, index, first, rows, out, share);
}

void gather_rows_i32(const std::int32_t* source, std::int64_t row_size, const std::int32_t* index,
                     std::int64_t first, std::int64_t rows, std::int32_t* out, Share share) {
  gather_rows(source, row_size, index, first, rows, out, share);
}

void gather_rows_u8(const std::uint8_t* source, std::int64_t row_size, const std::int32_t* index,
                    std::int64_t first, std::int64_t rows, float* out, Share share) {
  HOTLOOP_SELECT(gather_rows_u8_kernel)(source, row_size, index, first, rows, out, share);
}

bool all_finite(const float* x, std::int64_t n) {
  constexpr std::int64_t kWorthATeam = 1 << 20;  // 4 MB: a few hundred microseconds on one core
  const auto kernel = HOTLOOP_SELECT(all_finite_kernel);
  if (n < kWorthATeam) return kernel(x, n);
  std::atomic<bool> finite{true};
  run_team(num_threads(), [&](Team& team) {
    const Range mine = team.share().of(n, 1024);
    if (!kernel(x + mine.begin, mine.end - mine.begin)) finite.store(false, std::memory_order_relaxed);
  });
  return finite.load();
}

}  // namespace hotloop
