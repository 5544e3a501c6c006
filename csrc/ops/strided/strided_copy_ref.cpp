#include "ops/strided/strided_copy.h"

namespace hotloop {

void strided_copy_ref(const StridedCopy& copy, const float* x, float* y, bool accumulate) {
  std::int64_t count = 1;
  for (int a = 0; a < copy.axes; ++a) count *= copy.size[a];
  for (std::int64_t number = 0; number < count; ++number) {
    std::int64_t rest = number, from = 0, to = 0;
    for (int a = copy.axes - 1; a >= 0; --a) {
      const std::int64_t index = rest % copy.size[a];
      from += index * copy.from[a], to += index * copy.to[a], rest /= copy.size[a];
    }
    y[to] = accumulate ? static_cast<float>(static_cast<double>(y[to]) + x[from]) : x[from];
  }
}

}  // namespace hotloop
