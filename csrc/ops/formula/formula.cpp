#include "ops/formula/formula.h"

#include <string>

#include "base/error.h"

namespace hotloop {
namespace {

// In the order of the enumeration.
constexpr const char* kNames[] = {
    "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "normal_cumulative", "normal_density"};

}  // namespace

Formula formula_from_name(const char* name) {
  std::string known;
  for (int i = 0; i < static_cast<int>(sizeof kNames / sizeof *kNames); ++i) {
    if (std::string(name) == kNames[i]) return static_cast<Formula>(i);
    known += (i ? ", " : "") + std::string(kNames[i]);
  }
  throw std::invalid_argument(message("formula: expected one of ", known, "; got '", name, "'"));
}

void apply_formula(Formula formula, const float* x, float* y, std::int64_t n, Share share) {
  HOTLOOP_SELECT(formula_kernel)(formula, x, y, n, share);
}

}  // namespace hotloop
