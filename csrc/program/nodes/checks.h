// What the nodes ask of their descriptions.
#pragma once
#include <optional>

#include "base/error.h"
#include "ops/activation/activation.h"
#include "program/node.h"

namespace hotloop {

// Of an op that makes its output from nothing but its description.
inline void no_inputs(const NodeSpec& spec) {
  require(spec.inputs.empty(), spec.op, ": expected no input, got ", spec.inputs.size());
}

// A node's only input.
inline const ValueSpec& only_input(const NodeSpec& spec, DType dtype = DType::f32) {
  require(spec.inputs.size() == 1 && spec.inputs[0].dtype == dtype, spec.op, ": expected one ",
          dtype == DType::f32 ? "float32 input; dequantize it first" : "uint8 input; quantize it first");
  return spec.inputs[0];
}

// The same for an op that only moves numbers.
inline const ValueSpec& only_words(const NodeSpec& spec) {
  require(
      spec.inputs.size() == 1 && (spec.inputs[0].dtype == DType::f32 || spec.inputs[0].dtype == DType::i32),
      spec.op, ": expected one input of float32 or int32");
  return spec.inputs[0];
}

// Checks that there are inputs, all float32 (or, of an op that only moves numbers, all int32), and all or
// none with a batch axis; with `same_features`, all of one width. Returns the first.
inline const ValueSpec& check_joined(const NodeSpec& spec, bool same_features, bool moves = false) {
  require(!spec.inputs.empty(), spec.op, ": expected at least one input");
  const ValueSpec& first = spec.inputs[0];
  for (const ValueSpec& input : spec.inputs) {
    require(input.dtype == (moves && first.dtype == DType::i32 ? DType::i32 : DType::f32), spec.op,
            moves ? ": expected inputs of one type, float32 or int32"
                  : ": expected float32 inputs; dequantize the others first");
    require(input.batched == first.batched, spec.op,
            ": expected inputs that all have a batch axis, or that all have none");
    require(!same_features || input.features() == first.features(), spec.op,
            ": expected inputs of one width, got ", first.features(), " and ", input.features(), " features");
  }
  return first;
}

// The attribute last_axis, of which a sample holds a whole number; by default its own last axis.
inline std::int64_t last_axis_of(const NodeSpec& spec, const ValueSpec& input) {
  const std::int64_t last_axis = spec.integer("last_axis", input.shape.last());
  require(last_axis > 0 && input.features() % last_axis == 0, spec.op,
          ": expected a last_axis that divides the ", input.features(), " features of the input, got ",
          last_axis);
  return last_axis;
}

// The shape of `input` with `size` numbers in the place of `last_axis`: flat where that is not its last axis.
inline Shape with_last_axis(const Shape& input, std::int64_t last_axis, std::int64_t size) {
  if (input.last() == last_axis) return input.with_last(size);
  return {input.size() / last_axis * size};
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
  const std::optional<double> alpha = spec.optional_real("alpha");
  return elementwise_activation(name.c_str(),
                                alpha ? std::optional(static_cast<float>(*alpha)) : std::nullopt,
                                static_cast<float>(spec.real("beta", 0.0)));
}
// The one that an op applies to what it makes: the attribute activation.
inline ActivationArgs fused_activation(const NodeSpec& spec) {
  return activation_of(spec, spec.text("activation", "linear"));
}

}  // namespace hotloop
