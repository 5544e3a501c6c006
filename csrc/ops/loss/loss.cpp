#include "ops/loss/loss.h"

#include <iterator>

#include "base/names.h"
#include "ops/loss/loss_kernels.h"

namespace hotloop {
namespace {

// In the order of the enumeration.
constexpr const char* kNames[] = {
    "mean_squared_error",
    "half_squared_error",
    "mean_absolute_error",
    "huber",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "log_cosh",
    "poisson",
    "kl_divergence",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "values",
};
static_assert(std::size(kNames) == static_cast<std::size_t>(Loss::values) + 1);

}  // namespace

Loss loss_from_name(const char* name) { return static_cast<Loss>(index_of(name, kNames, "loss")); }

const char* loss_name(Loss kind) { return kNames[static_cast<int>(kind)]; }

void loss_forward_backward(const LossArgs& args, Share share) {
  switch (args.kind) {
    case Loss::categorical_crossentropy:
    case Loss::sparse_categorical_crossentropy:
    case Loss::categorical_hinge:
      return HOTLOOP_SELECT(class_loss_kernel)(args, share);
    default:
      return HOTLOOP_SELECT(pointwise_loss_kernel)(args, share);
  }
}

}  // namespace hotloop
