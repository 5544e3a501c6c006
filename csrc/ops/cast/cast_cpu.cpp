#include "ops/cast/cast.h"

#include "cpu/simd/rows.h"

namespace hotloop {
namespace {

// to_int rounds to the nearest, which may be one further from zero than wanted.
HOTLOOP_INLINE I32 whole_part(F32 given) {
  const F32 x = nan_to_zero(given), limit = splat(2147483648.0f);
  const F32 nearest = round_even(x), sign = as_float(as_int(x) & splat(INT32_MIN));
  const F32 one = as_float(as_int(splat(1.0f)) | as_int(sign));
  const F32 whole = select(less(abs(x), abs(nearest)), nearest - one, nearest);
  const I32 made = to_int(select(less(whole, limit), max(whole, -limit), splat(0.0f)));
  return select(less(whole, limit), made, splat(INT32_MAX));
}

}  // namespace

namespace HOTLOOP_LEVEL {

void cast_to_int_kernel(const float* x, std::int32_t* y, std::int64_t n, Share share) {
  const Range mine = share.of(n, 4 * kLanes);
  each_vector(mine.end - mine.begin, [&](std::int64_t i, int count) HOTLOOP_BODY {
    const I32 made = whole_part(load_or(x + mine.begin + i, count));
    if (count == kLanes)
      store_i32(y + mine.begin + i, made);
    else
      store_i32(y + mine.begin + i, made, count);
  });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
