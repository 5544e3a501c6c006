#include <algorithm>
#include <cmath>

#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {
namespace {

// Unsigned arithmetic wraps by definition, as the kernel's int32 lanes do.
std::uint32_t sum_of(const GemmInt8Args& g, std::int64_t i, std::int64_t j) {
  const std::int64_t groups = (g.k + 3) / 4;
  std::uint32_t sum = 0;
  for (std::int64_t k = 0; k < g.k; ++k) {
    const std::int32_t weight = g.weights[((j / 16 * groups + k / 4) * 16 + j % 16) * 4 + k % 4];
    sum += static_cast<std::uint32_t>(g.a[i * g.a_row + k] * weight);
  }
  if (g.bias != nullptr) sum += static_cast<std::uint32_t>(g.bias[j]);
  if (g.row_scale != nullptr)
    sum -= static_cast<std::uint32_t>(g.row_zero_point[i]) * static_cast<std::uint32_t>(g.column_sum[j]);
  return sum;
}

}  // namespace

void gemm_int8_ref(const GemmInt8Args& g) {
  for (std::int64_t i = 0; i < g.m; ++i)
    for (std::int64_t j = 0; j < g.n; ++j) {
      const std::int64_t at = i * g.c_row + j;
      const auto sum = static_cast<std::int32_t>(sum_of(g, i, j));
      if (g.output == Int8Output::s32) {
        static_cast<std::int32_t*>(g.c)[at] = sum;
        continue;
      }
      float value =
          static_cast<float>(sum) * (g.row_scale != nullptr ? g.row_scale[i] * g.scale[j] : g.scale[j]);
      if (g.float_bias != nullptr) value += g.float_bias[j];
      activation_forward(g.activation, &value, &value, 1, Share{});
      if (g.output == Int8Output::f32) {
        static_cast<float*>(g.c)[at] = value;
        continue;
      }
      const float steps = std::isnan(value) ? 0.0f : std::nearbyint(value * g.out_inverse_scale);
      const float byte = std::clamp(steps + static_cast<float>(g.out_zero_point), 0.0f, 255.0f);
      static_cast<std::uint8_t*>(g.c)[at] = static_cast<std::uint8_t>(byte);
    }
}

}  // namespace hotloop
