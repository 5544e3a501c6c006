#include "ops/gemm/matmul.h"

namespace hotloop {
namespace {

// Calls each(where in a, where in b, where in c, p) for every product of two numbers.
template <class Each>
void each_product(const Matmul& p, Each each) {
  std::int64_t count = 1;
  for (int i = 0; i < p.axes; ++i) count *= p.size[i];
  for (std::int64_t l = 0; l < count; ++l) {
    std::int64_t rest = l, at_a = 0, at_b = 0;
    for (int i = p.axes - 1; i >= 0; --i) {
      at_a += rest % p.size[i] * p.a[i], at_b += rest % p.size[i] * p.b[i];
      rest /= p.size[i];
    }
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j)
        for (std::int64_t q = 0; q < p.k; ++q)
          each(at_a + (p.transpose_a ? q * p.m + i : i * p.k + q),
               at_b + (p.transpose_b ? j * p.k + q : q * p.n + j), (l * p.m + i) * p.n + j, q);
  }
}

}  // namespace

void matmul_ref(const Matmul& p, const float* a, const float* b, float* c) {
  double sum = 0;
  each_product(p, [&](std::int64_t i, std::int64_t j, std::int64_t to, std::int64_t q) {
    sum = (q == 0 ? 0.0 : sum) + static_cast<double>(a[i]) * b[j];
    c[to] = static_cast<float>(sum);
  });
}

void matmul_gradients_ref(const Matmul& p, const float* a, const float* b, const float* dc, double* da,
                          double* db) {
  each_product(p, [&](std::int64_t i, std::int64_t j, std::int64_t to, std::int64_t) {
    da[i] += static_cast<double>(dc[to]) * b[j];
    db[j] += static_cast<double>(dc[to]) * a[i];
  });
}

}  // namespace hotloop
