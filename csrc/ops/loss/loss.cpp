#include "ops/loss/loss.h"

#include <string>

#include "base/error.h"
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
};
constexpr int kCount = sizeof kNames / sizeof *kNames;
static_assert(kCount == static_cast<int>(Loss::mean_squared_logarithmic_error) + 1);

}  // namespace

Loss loss_from_name(const char* name) {
  std::string known;
  for (int i = 0; i < kCount; ++i) {
    if (std::string(name) == kNames[i]) return static_cast<Loss>(i);
    known += (i ? ", " : "") + std::string(kNames[i]);
  }
  throw std::invalid_argument(message("loss: expected one of ", known, "; got '", name, "'"));
}

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
