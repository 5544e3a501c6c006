#include "ops/reduce/reduce.h"

#include "base/names.h"

namespace hotloop {

Reduction reduction_from_name(const char* name) {
  constexpr const char* kNames[] = {"sum", "mean", "max", "min"};
  return static_cast<Reduction>(index_of(name, kNames, "reduce: kind"));
}

void reduce_forward(Reduction kind, ReduceShape shape, const float* x, float* y, Share share) {
  if (shape.outer > 0 && shape.inner > 0) HOTLOOP_SELECT(reduce_forward_kernel)(kind, shape, x, y, share);
}

void reduce_backward(Reduction kind, ReduceShape shape, const float* x, const float* dy, float* dx,
                     bool accumulate, Share share) {
  if (shape.outer > 0 && shape.n > 0 && shape.inner > 0)
    HOTLOOP_SELECT(reduce_backward_kernel)(kind, shape, x, dy, dx, accumulate, share);
}

void argmax(ReduceShape shape, const float* x, std::int32_t* y, Share share) {
  if (shape.outer > 0 && shape.inner > 0) HOTLOOP_SELECT(argmax_kernel)(shape, x, y, share);
}

}  // namespace hotloop
