// What the nodes ask of their descriptions.
#pragma once
#include <optional>

#include "base/error.h"
#include "ops/activation/activation.h"
#include "program/node.h"

namespace hotloop {

// The features of a node's only input.
inline std::int64_t only_input(const NodeSpec& spec, DType dtype = DType::f32) {
  require(spec.inputs.size() == 1 && spec.inputs[0].dtype == dtype, spec.op, ": expected one ",
          dtype == DType::f32 ? "float32 input; dequantize it first" : "uint8 input; quantize it first");
  return spec.inputs[0].features;
}

// Checks that all inputs are float32; with `same_features`, all of one width.
inline void check_joined(const NodeSpec& spec, bool same_features) {
  for (const ValueSpec& input : spec.inputs) {
    require(input.dtype == DType::f32, spec.op, ": expected float32 inputs; dequantize the others first");
    require(!same_features || input.features == spec.inputs[0].features, spec.op,
            ": expected inputs of one width, got ", spec.inputs[0].features, " and ", input.features,
            " features");
  }
}

// The attribute last_axis, of which a row of `features` holds a whole number; by default it is one.
inline std::int64_t last_axis_of(const NodeSpec& spec, std::int64_t features) {
  const std::int64_t last_axis = spec.integer("last_axis", features);
  require(last_axis > 0 && features % last_axis == 0, spec.op, ": expected a last_axis that divides the ",
          features, " features of the input, got ", last_axis);
  return last_axis;
}

// The attribute units. Features and units stay in 31 bits, so that their products stay in 63.
inline std::int64_t units_of(const NodeSpec& spec) {
  const std::int64_t units = spec.integer("units");
  require(units > 0 && units <= kMostFeatures, spec.op, ": expected units from 1 to ", kMostFeatures,
          ", got ", units);
  return units;
}

// An elementwise activation with the attributes alpha and beta.
inline ActivationArgs activation_of(const NodeSpec& spec, const std::string& name) {
  std::optional<float> alpha;
  if (spec.attributes.count("alpha")) alpha = static_cast<float>(spec.real("alpha"));
  return elementwise_activation(name.c_str(), alpha, static_cast<float>(spec.real("beta", 0.0)));
}
// The one that an op applies to what it makes: the attribute activation.
inline ActivationArgs fused_activation(const NodeSpec& spec) {
  return activation_of(spec, spec.text("activation", "linear"));
}

}  // namespace hotloop
