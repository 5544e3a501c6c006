#include <algorithm>
#include <cmath>

#include "ops/quantize/quantize.h"

namespace hotloop {

void quantize_ref(const float* x, Quantization how, std::uint8_t* q, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double steps = std::isnan(x[i]) ? 0.0 : std::nearbyint(static_cast<double>(x[i]) / how.scale);
    q[i] = static_cast<std::uint8_t>(std::clamp(steps + how.zero_point, 0.0, 255.0));
  }
}

}  // namespace hotloop
