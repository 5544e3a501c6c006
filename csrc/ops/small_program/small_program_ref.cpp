// A small program, in double.
#include <cmath>
#include <vector>

#include "ops/small_program/small_program.h"

namespace hotloop {
namespace {

// What is left has the sign of the divisor.
double floor_mod(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double floor_quotient(double a, double b) {
  const double rest = std::fmod(a, b), ratio = a / b;
  if (b == 0) return ratio;
  if (std::isnan(rest)) return rest;
  const double whole = std::nearbyint((a - rest) / b) - (rest != 0 && (rest < 0) != (b < 0) ? 1 : 0);
  return whole == 0 ? std::copysign(0.0, ratio) : whole;
}

double apply(Opcode opcode, double a, double b, double c) {
  static_cast<void>(b), static_cast<void>(c);
  switch (opcode) {
#define HOTLOOP_REFERENCE(name, operands, formula, ...) \
  case Opcode::name:                                    \
    return __VA_ARGS__;
    HOTLOOP_INSTRUCTIONS(HOTLOOP_REFERENCE)
#undef HOTLOOP_REFERENCE
  }
  return 0;
}

}  // namespace

void small_program_ref(const SmallProgram& program, const double* const* inputs, double* const* outputs,
                       std::int64_t n) {
  const int blocks = program.blocks();
  std::vector<double> values(static_cast<std::size_t>(blocks + program.constant_count));
  for (int k = 0; k < program.constant_count; ++k)
    values[static_cast<std::size_t>(blocks + k)] = program.constants[k * kConstantLanes];
  const auto value = [&](std::int32_t operand) -> double& {
    return values[static_cast<std::size_t>(operand)];
  };
  for (std::int64_t i = 0; i < n; ++i) {
    for (int k = 0; k < program.inputs; ++k) value(k) = inputs[k][i];
    for (int s = 0; s < program.count; ++s) {
      const ProgramStep& step = program.steps[s];
      value(step.to) = apply(static_cast<Opcode>(step.opcode), value(step.a), value(step.b), value(step.c));
    }
    for (int k = 0; k < program.outputs; ++k) outputs[k][i] = value(program.inputs + program.slots + k);
  }
}

}  // namespace hotloop
