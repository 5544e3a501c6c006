#include <cstring>

#include "ops/bf16/bf16.h"

namespace hotloop {

void gemm_bf16_ref(const GemmBf16Args& g) {
  for (std::int64_t i = 0; i < g.m; ++i)
    for (std::int64_t j = 0; j < g.n; ++j) {
      double sum = g.bias != nullptr ? g.bias[j] : 0.0;
      for (std::int64_t k = 0; k < g.k; ++k) {
        const std::uint32_t bits = static_cast<std::uint32_t>(g.weights[k * g.n + j]) << 16;
        float weight;
        std::memcpy(&weight, &bits, sizeof weight);
        sum += static_cast<double>(g.a[i * g.a_row + k]) * weight;
      }
      float value = static_cast<float>(sum);
      activation_forward(g.activation, &value, &value, 1, Share{});
      g.c[i * g.c_row + j] = value;
    }
}

}  // namespace hotloop
