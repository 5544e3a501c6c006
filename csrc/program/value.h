// What a value of a graph is.
#pragma once
#include <cstdint>
#include <limits>

#include "base/shape.h"
#include "base/types.h"

namespace hotloop {

// A value is a batch of samples of one shape, contiguous one behind the other. Without a batch axis it is one
// sample whatever the batch is: a weight, a constant, a sum over the batch.
struct ValueSpec {
  Shape shape;  // of a sample
  DType dtype = DType::f32;
  bool batched = true;

  std::int64_t features() const { return shape.size(); }  // numbers a sample
  std::int64_t rows(std::int64_t batch) const { return batched ? batch : 1; }
  // The same, of another shape or another type.
  ValueSpec shaped(const Shape& other) const { return {other, dtype, batched}; }
  ValueSpec typed(DType other) const { return {shape, other, batched}; }
};
using ValueId = int;
// The widest value: features of two ops may be multiplied without a look at overflow.
constexpr std::int64_t kMostFeatures = std::numeric_limits<std::int32_t>::max();

}  // namespace hotloop
