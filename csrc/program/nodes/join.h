// What the nodes that join several values share.
#pragma once

#include "base/error.h"
#include "program/node.h"

namespace hotloop {

// Checks that a node has inputs and that all are float32; with `same_features`, all of one width.
inline void check_joined(const NodeSpec& spec, bool same_features) {
  require(!spec.inputs.empty(), spec.op, ": expected at least one input, got none");
  for (const ValueSpec& input : spec.inputs) {
    require(input.dtype == DType::f32, spec.op, ": expected float32 inputs; dequantize the others first");
    require(!same_features || input.features == spec.inputs[0].features, spec.op,
            ": expected inputs of one width, got ", spec.inputs[0].features, " and ", input.features,
            " features");
  }
}

}  // namespace hotloop
