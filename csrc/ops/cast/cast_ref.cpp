#include <cmath>
#include <cstdint>

#include "ops/cast/cast.h"

namespace hotloop {

void cast_to_int_ref(const float* x, std::int32_t* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double whole = std::isnan(x[i]) ? 0.0 : std::trunc(static_cast<double>(x[i]));
    y[i] = whole >= 2147483647.0    ? INT32_MAX
           : whole <= -2147483648.0 ? INT32_MIN
                                    : static_cast<std::int32_t>(whole);
  }
}

}  // namespace hotloop
