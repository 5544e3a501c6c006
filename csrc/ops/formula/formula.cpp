#include "ops/formula/formula.h"

#include <iterator>

#include "base/names.h"

namespace hotloop {
namespace {

// In the order of the enumeration.
constexpr const char* kNames[] = {
    "exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "normal_cumulative", "normal_density"};
static_assert(std::size(kNames) == static_cast<std::size_t>(Formula::normal_density) + 1);

}  // namespace

Formula formula_from_name(const char* name) {
  return static_cast<Formula>(index_of(name, kNames, "formula"));
}

void apply_formula(Formula formula, const float* x, float* y, std::int64_t n, Share share) {
  HOTLOOP_SELECT(formula_kernel)(formula, x, y, n, share);
}

}  // namespace hotloop
