#include <cstring>

#include "ops/gemm_mixed/gemm_mixed.h"

namespace hotloop {
namespace {

double widened(std::uint16_t x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

void matmul_bf16_ref(const MatmulBf16Args& g) {
  for (std::int64_t i = 0; i < g.m; ++i)
    for (std::int64_t j = 0; j < g.n; ++j) {
      double sum = g.bias != nullptr ? g.bias[j] : 0.0;
      for (std::int64_t k = 0; k < g.k; ++k) sum += widened(g.a[i * g.k + k]) * widened(g.b[k * g.n + j]);
      float value = static_cast<float>(sum);
      activation_forward(g.activation, &value, &value, 1, Share{});
      g.c[i * g.n + j] = value;
    }
}

}  // namespace hotloop
