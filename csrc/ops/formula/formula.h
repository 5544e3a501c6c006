// The formulas of math/ on arrays: how they are tested at every ISA level.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

enum class Formula : std::int32_t {
  exp,
  expm1,
  log,
  log1p,
  tanh,
  sigmoid,
  softplus,
  normal_cumulative,
  normal_density
};
Formula formula_from_name(const char* name);  // throws std::invalid_argument naming the known ones

// y[i] = f(x[i]); x may be y.
void apply_formula(Formula formula, const float* x, float* y, std::int64_t n, Share share);
HOTLOOP_PER_ISA(void formula_kernel(Formula formula, const float* x, float* y, std::int64_t n, Share share);)

}  // namespace hotloop
