// Reductions of a row, and of columns side by side. Include the vocabulary first: cpu/simd/rows.h or
// cuda/device/rows.h.
#pragma once
#include "ops/reduce/reduce.h"

namespace hotloop {
namespace {

// The smallest number is the largest of the negated ones.
template <bool kMin>
HOTLOOP_INLINE F32 turned(F32 x) {
  return kMin ? -x : x;
}

// Rows of more than kLongRow numbers: what rounding loses grows with the length of a chain of additions, so
// that there are chains of 128 vectors, of 128 of these chains, and of those. In one loop, for registers.
constexpr std::int64_t kChain = 128 * kLanes, kChains = 128 * kChain;
template <int kRows>
HOTLOOP_INLINE void long_row_sums(const float* x, std::int64_t n, float* y) {
  RowSums<kRows> total, chains, chain;
  const auto move = [](RowSums<kRows>& from, RowSums<kRows>& to) HOTLOOP_BODY {
    for (int k = 0; k < kRows; ++k) to.of[k] = to.of[k] + from.of[k], from.of[k] = splat(0.0f);
  };
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    for (int k = 0; k < kRows; ++k) chain.of[k] = chain.of[k] + load_or(x + k * n + i, count);
    if ((i + kLanes) % kChain == 0) move(chain, chains);
    if ((i + kLanes) % kChains == 0) move(chains, total);
  });
  for (int k = 0; k < kRows; ++k) y[k] = sum(total.of[k] + (chains.of[k] + chain.of[k]));
}

HOTLOOP_INLINE float row_sum(const float* x, std::int64_t n) {
  if (n > kLongRow) {
    float total;
    long_row_sums<1>(x, n, &total);
    return total;
  }
  const auto total = sum_vectors<1>(n, [&](std::int64_t i, int count, F32(&sums)[1])
                                           HOTLOOP_BODY { sums[0] = sums[0] + load_or(x + i, count); });
  return sum(total.of[0]);
}

// The largest number of each lane, and a NaN where there was one.
struct Largest {
  F32 most, nan;
  HOTLOOP_INLINE Largest() : most(splat(-__builtin_inff())), nan(splat(0.0f)) {}
  HOTLOOP_INLINE void add(F32 x) {
    nan = select(is_nan(x), x, nan);
    most = max(x, most);
  }
  // Always the same NaN: which one comes out of a sum of two depends on the compiler.
  HOTLOOP_INLINE F32 value() const { return select(is_nan(nan), splat(__builtin_nanf("")), most); }
};

template <bool kMin>
HOTLOOP_INLINE F32 row_largest_of(const float* x, std::int64_t n) {
  const F32 lowest = splat(-__builtin_inff());
  Largest found;
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    found.add(keep_first(turned<kMin>(load_or(x + i, count)), count, lowest));
  });
  found.most = splat(largest(found.most)), found.nan = splat(sum(found.nan));
  return turned<kMin>(found.value());
}

// The largest of n rows in each of the columns of kVectors vectors, the last of which has `last` lanes.
template <bool kMin, int kVectors>
HOTLOOP_INLINE void columns_largest(const float* x, std::int64_t x_row, std::int64_t n, std::int64_t last,
                                    float* y) {
  Largest found[kVectors];
  for (std::int64_t r = 0; r < n; ++r, x += x_row)
    for (int j = 0; j < kVectors; ++j)
      found[j].add(turned<kMin>(load_or(x + j * kLanes, j + 1 < kVectors ? kLanes : last)));
  for (int j = 0; j < kVectors; ++j)
    store_or(y + j * kLanes, turned<kMin>(found[j].value()), j + 1 < kVectors ? kLanes : last);
}

// The largest number of each lane, a NaN being larger than all, and the first place where it was. Begins with
// the first place of each lane, which is right where nothing is larger than minus infinity.
struct FirstLargest {
  F32 most;
  I32 at;
  HOTLOOP_INLINE explicit FirstLargest(I32 first) : most(splat(-__builtin_inff())), at(first) {}
  HOTLOOP_INLINE void add(F32 x, I32 place) {
    const Mask stays = less_equal(x, most), done = is_nan(most);
    at = select(done, at, select(stays, at, place));
    most = select(done, most, select(stays, most, x));
  }
};

// The least of the places that `keys`, zero or minus infinity, lets take part. Halves of them are exact as
// floats.
HOTLOOP_INLINE std::int32_t least_place(F32 keys, I32 places) {
  const F32 high = to_float(shift_right<16>(places)), low = to_float(places & splat(0xffff));
  const float first_high = -largest(keys - high);
  const F32 left = select(equal(high, splat(first_high)), keys, splat(-__builtin_inff()));
  const float first_low = -largest(left - low);
  return static_cast<std::int32_t>(first_high) * 65536 + static_cast<std::int32_t>(first_low);
}

template <bool kMin>
HOTLOOP_INLINE std::int32_t row_first_largest(const float* x, std::int64_t n) {
  const F32 lowest = splat(-__builtin_inff()), zero = splat(0.0f), one = splat(1.0f);
  I32 place = to_int(lane_numbers());
  FirstLargest first(place);
  each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY {
    first.add(keep_first(turned<kMin>(load_or(x + i, count)), count, lowest), place);
    place = place + splat(kLanes);
  });
  const bool any_nan = largest(select(is_nan(first.most), one, zero)) > 0.0f;
  const F32 highest = splat(largest(first.most));
  return least_place(
      any_nan ? select(is_nan(first.most), zero, lowest) : select(equal(first.most, highest), zero, lowest),
      first.at);
}

// In each of `count` columns.
template <bool kMin>
HOTLOOP_INLINE I32 columns_first_largest(const float* x, std::int64_t x_row, std::int64_t n,
                                         std::int64_t count) {
  FirstLargest first(splat(0));
  I32 place = splat(0);
  for (std::int64_t r = 0; r < n; ++r, x += x_row) {
    first.add(turned<kMin>(load_or(x, count)), place);
    place = place + splat(1);
  }
  return first.at;
}

// dy goes to, or is added to, the place of the row's first largest number; the others get nothing.
template <bool kMin>
HOTLOOP_INLINE void row_largest_gradient(const float* x, float dy, float* dx, bool accumulate,
                                         std::int64_t n) {
  const std::int64_t found = row_first_largest<kMin>(x, n), at = found / kLanes * kLanes;
  const F32 zero = splat(0.0f), gradient = splat(dy);
  if (!accumulate)
    each_vector(n, [&](std::int64_t i, int count) HOTLOOP_BODY { store_or(dx + i, zero, count); });
  const F32 before = load_or(dx + at, n - at);
  const Mask here = equal(lane_numbers(), splat(static_cast<float>(found - at)));
  store_or(dx + at, select(here, accumulate ? before + gradient : gradient, before), n - at);
}

// What each number that is added up gets of a sum's gradient.
HOTLOOP_INLINE F32 part_of(Reduction kind, F32 dy, std::int64_t n) {
  return kind == Reduction::mean ? dy / splat(static_cast<float>(n)) : dy;
}

}  // namespace
}  // namespace hotloop
