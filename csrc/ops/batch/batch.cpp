#include "ops/batch/batch.h"

#include <atomic>
#include <cstring>

#include "cpu/team.h"
#include "ops/batch/batch_kernels.h"

namespace hotloop {
namespace {

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
