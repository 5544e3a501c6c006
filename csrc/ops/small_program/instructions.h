// What a small program is made of, in one list: an instruction's name, how many operands it has, what it
// makes of them (a, b, c) in the vocabulary of cpu/simd and math/, and the same in double. Only
// small_program_cpu.cpp and small_program_cuda.cu read the formulas, only small_program_ref.cpp the doubles.
#pragma once
#include <cstdint>

// Numbers are true where they are not 0, NaN included; what is true comes out as 1, what is false as 0.
#define HOTLOOP_TRUE_IF(mask) select(mask, like(a, 1.0f), like(a, 0.0f))
#define HOTLOOP_FALSE_IF(mask) select(mask, like(a, 0.0f), like(a, 1.0f))
#define HOTLOOP_ZERO(x) equal(x, like(x, 0.0f))
#define HOTLOOP_INFINITE(x) equal(abs(x), like(x, __builtin_inff()))
#define HOTLOOP_FINITE(x) less(abs(x), like(x, __builtin_inff()))
#define HOTLOOP_NAN_OR(x, otherwise) select(is_nan(x), x, otherwise)

// minimum and maximum are NaN where an operand is. chain(a, b) is what the chain rule makes of a gradient a
// and a derivative b: a b, but 0 where a is 0, so that what a branch that was not taken would have given, be
// it infinite or NaN, does not come through.
// clang-format off
#define HOTLOOP_INSTRUCTIONS(X) \
  X(copy, 1, a, a) \
  X(negative, 1, -a, -a) \
  X(abs, 1, abs(a), std::fabs(a)) \
  X(sign, 1, select(less(like(a, 0.0f), abs(a)), copysign(like(a, 1.0f), a), a + like(a, 0.0f)), \
    std::isnan(a) ? a : (a > 0) - (a < 0)) \
  X(square, 1, a * a, a * a) \
  X(sqrt, 1, sqrt(a), std::sqrt(a)) \
  X(rsqrt, 1, like(a, 1.0f) / sqrt(a), 1 / std::sqrt(a)) \
  X(reciprocal, 1, like(a, 1.0f) / a, 1 / a) \
  X(exp, 1, exp(a), std::exp(a)) \
  X(expm1, 1, expm1(a), std::expm1(a)) \
  X(log, 1, log(a), std::log(a)) \
  X(log1p, 1, log1p(a), std::log1p(a)) \
  X(erf, 1, erf(a), std::erf(a)) \
  X(sin, 1, sin(a), std::sin(a)) \
  X(cos, 1, cos(a), std::cos(a)) \
  X(tanh, 1, tanh(a), std::tanh(a)) \
  X(sigmoid, 1, sigmoid(a), 1 / (1 + std::exp(-a))) \
  X(softplus, 1, softplus(a), std::fmax(a, 0) + std::log1p(std::exp(-std::fabs(a)))) \
  X(floor, 1, floor(a), std::floor(a)) \
  X(ceil, 1, ceil(a), std::ceil(a)) \
  X(round, 1, round_even(a), std::nearbyint(a)) \
  X(trunc, 1, trunc(a), std::trunc(a)) \
  X(isfinite, 1, HOTLOOP_TRUE_IF(HOTLOOP_FINITE(a)), std::isfinite(a)) \
  X(isinf, 1, HOTLOOP_TRUE_IF(HOTLOOP_INFINITE(a)), std::isinf(a)) \
  X(isnan, 1, HOTLOOP_TRUE_IF(is_nan(a)), std::isnan(a)) \
  X(logical_not, 1, HOTLOOP_TRUE_IF(HOTLOOP_ZERO(a)), a == 0) \
  X(add, 2, a + b, a + b) \
  X(subtract, 2, a - b, a - b) \
  X(multiply, 2, a * b, a * b) \
  X(divide, 2, a / b, a / b) \
  X(power, 2, power(a, b), std::pow(a, b)) \
  X(minimum, 2, HOTLOOP_NAN_OR(a, min(a, b)), std::isnan(a) || a < b ? a : b) \
  X(maximum, 2, HOTLOOP_NAN_OR(a, max(a, b)), std::isnan(a) || a > b ? a : b) \
  X(equal, 2, HOTLOOP_TRUE_IF(equal(a, b)), a == b) \
  X(not_equal, 2, HOTLOOP_FALSE_IF(equal(a, b)), a != b) \
  X(less, 2, HOTLOOP_TRUE_IF(less(a, b)), a < b) \
  X(less_equal, 2, HOTLOOP_TRUE_IF(less_equal(a, b)), a <= b) \
  X(greater, 2, HOTLOOP_TRUE_IF(less(b, a)), a > b) \
  X(greater_equal, 2, HOTLOOP_TRUE_IF(less_equal(b, a)), a >= b) \
  X(logical_and, 2, select(HOTLOOP_ZERO(a), like(a, 0.0f), HOTLOOP_FALSE_IF(HOTLOOP_ZERO(b))), a != 0 && b != 0) \
  X(logical_or, 2, select(HOTLOOP_ZERO(a), HOTLOOP_FALSE_IF(HOTLOOP_ZERO(b)), like(a, 1.0f)), a != 0 || b != 0) \
  X(logical_xor, 2, select(HOTLOOP_ZERO(a), HOTLOOP_FALSE_IF(HOTLOOP_ZERO(b)), HOTLOOP_TRUE_IF(HOTLOOP_ZERO(b))), \
    (a != 0) != (b != 0)) \
  X(chain, 2, select(HOTLOOP_ZERO(a), a, a * b), a == 0 ? a : a * b) \
  X(fma, 3, fma(a, b, c), std::fma(a, b, c)) \
  X(where, 3, select(HOTLOOP_ZERO(a), c, b), a != 0 ? b : c) \
  X(mod, 2, floor_mod(a, b), floor_mod(a, b)) \
  X(floor_divide, 2, floor_quotient(a, b), floor_quotient(a, b))
// clang-format on

namespace hotloop {

#define HOTLOOP_NAME(name, ...) name,
enum class Opcode : std::int32_t { HOTLOOP_INSTRUCTIONS(HOTLOOP_NAME) };
#undef HOTLOOP_NAME

}  // namespace hotloop
