#include "ops/gemm/gemm.h"

namespace hotloop {

void gemm_ref(const GemmArgs& args) {
  for (std::int64_t i = 0; i < args.m; ++i) {
    float* row = args.c + i * args.c_row;
    for (std::int64_t j = 0; j < args.n; ++j) {
      double sum = args.accumulate ? row[j] : args.bias != nullptr ? args.bias[j] : 0.0;
      for (std::int64_t p = 0; p < args.k; ++p)
        sum += static_cast<double>(args.a[i * args.a_row + p * args.a_col]) *
               args.b[p * args.b_row + j * args.b_col];
      row[j] = static_cast<float>(sum);
    }
    activation_forward(args.activation, row, row, args.n, Share{});
  }
}

}  // namespace hotloop
