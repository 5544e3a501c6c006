#include "ops/small_program/small_program.h"

#include "cpu/simd/rows.h"
#include "math/erf.h"
#include "math/log.h"
#include "math/power.h"
#include "math/remainder.h"
#include "math/rounding.h"
#include "math/sigmoid.h"
#include "math/trigonometry.h"

namespace hotloop {
namespace {

// A block's numbers, or one number 16 times: then step is 0.
struct Operand {
  float* data;
  std::int64_t step;
};

// Walks whole vectors: what is beyond a block's last number is computed too, and never used. Four at a time:
// a cheap instruction would spend a third of its time on counting them.
template <class Formula>
HOTLOOP_INLINE void each_1(const Operand* operands, const ProgramStep& step, int n, Formula formula) {
  const Operand a = operands[step.a];
  const float* from = a.data;
  float* to = operands[step.to].data;
#pragma GCC unroll 4
  for (int i = 0; i < n; i += kLanes, from += a.step, to += kLanes) store(to, formula(load(from)));
}

template <class Formula>
HOTLOOP_INLINE void each_2(const Operand* operands, const ProgramStep& step, int n, Formula formula) {
  const Operand a = operands[step.a], b = operands[step.b];
  const float *left = a.data, *right = b.data;
  float* to = operands[step.to].data;
#pragma GCC unroll 4
  for (int i = 0; i < n; i += kLanes, left += a.step, right += b.step, to += kLanes)
    store(to, formula(load(left), load(right)));
}

template <class Formula>
HOTLOOP_INLINE void each_3(const Operand* operands, const ProgramStep& step, int n, Formula formula) {
  const Operand a = operands[step.a], b = operands[step.b], c = operands[step.c];
  const float *first = a.data, *second = b.data, *third = c.data;
  float* to = operands[step.to].data;
#pragma GCC unroll 4
  for (int i = 0; i < n; i += kLanes, first += a.step, second += b.step, third += c.step, to += kLanes)
    store(to, formula(load(first), load(second), load(third)));
}

#define HOTLOOP_LANES_1 F32 a
#define HOTLOOP_LANES_2 F32 a, F32 b
#define HOTLOOP_LANES_3 F32 a, F32 b, F32 c
#define HOTLOOP_RUN(name, operands, formula, ...)                                                   \
  void run_##name(const Operand* table, const ProgramStep& step, int n) {                           \
    each_##operands(table, step, n, [](HOTLOOP_LANES_##operands) HOTLOOP_BODY { return formula; }); \
  }
HOTLOOP_INSTRUCTIONS(HOTLOOP_RUN)
#undef HOTLOOP_RUN

using Run = void (*)(const Operand*, const ProgramStep&, int);
#define HOTLOOP_ENTRY(name, ...) run_##name,
constexpr Run kRuns[] = {HOTLOOP_INSTRUCTIONS(HOTLOOP_ENTRY)};
#undef HOTLOOP_ENTRY

HOTLOOP_INLINE F32 load_as_floats(const float* p, std::int64_t n) { return load_or(p, n); }
HOTLOOP_INLINE F32 load_as_floats(const std::int32_t* p, std::int64_t n) {
  return to_float(n >= kLanes ? load_i32(p) : load_i32(p, static_cast<int>(n)));
}
HOTLOOP_INLINE F32 load_as_floats(const std::uint8_t* p, std::int64_t n) {
  return to_float(n >= kLanes ? load_u8(p) : load_u8(p, static_cast<int>(n)));
}

// The n numbers of a broadcast input from place `at` on. Vectors are stored whole as long as they lie inside
// the block: the next run writes over what was too much.
template <class T>
void spread(const ProgramLayout& layout, const ProgramInput& input, const T* from, std::int64_t at,
            std::int64_t n, float* y) {
  const int last = layout.axes - 1;
  std::int64_t index[kMostProgramAxes];
  for (int axis = last; axis > 0; --axis) {
    index[axis] = at % layout.shape[axis];
    at /= layout.shape[axis];
    from += index[axis] * input.strides[axis];
  }
  index[0] = at;
  from += at * input.strides[0];
  const bool repeated = input.strides[last] == 0;
  // The first axis ends with the block.
  const std::int64_t inner = last > 0 ? layout.shape[last] : index[0] + n;
  std::int64_t begin = index[last];
  if (!repeated) from -= begin;
  for (;;) {
    const std::int64_t run = inner - begin < n ? inner - begin : n;
    if (repeated) {
      const F32 value = splat(static_cast<float>(*from) / input.divisor);
      for (std::int64_t i = 0; i < run; i += kLanes) store_or(y + i, value, n - i);
    } else {
      for (std::int64_t i = 0; i < run; i += kLanes)
        store_or(y + i, load_as_floats(from + begin + i, run - i), n - i);
    }
    n -= run, y += run, begin = 0;
    if (n == 0) return;
    for (int axis = last - 1; axis >= 0; --axis) {
      from += input.strides[axis];
      if (axis == 0 || ++index[axis] < layout.shape[axis]) break;
      from -= layout.shape[axis] * input.strides[axis];
      index[axis] = 0;
    }
  }
}

template <class T>
void fetch_as(const ProgramLayout& layout, const ProgramInput& input, const void* data, std::int64_t at,
              std::int64_t n, float* y) {
  const T* from = static_cast<const T*>(data);
  if (!input.whole) return spread(layout, input, from, at, n, y);
  for (std::int64_t i = 0; i < n; i += kLanes) store(y + i, load_as_floats(from + at + i, n - i));
}

void fetch(const ProgramLayout& layout, const ProgramInput& input, const void* data, std::int64_t at,
           std::int64_t n, float* y) {
  if (input.dtype == DType::f32) return fetch_as<float>(layout, input, data, at, n, y);
  if (input.dtype == DType::i32) return fetch_as<std::int32_t>(layout, input, data, at, n, y);
  fetch_as<std::uint8_t>(layout, input, data, at, n, y);
}

void put(const float* from, float* to, bool accumulate, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const F32 made = load(from + i);
    store_or(to + i, accumulate ? load_or(to + i, n - i) + made : made, n - i);
  }
}

// The next block comes on its way while this one is worked on: the first step alone, a cheap one as a rule,
// would wait for it.
HOTLOOP_INLINE void ask_for(const float* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) __builtin_prefetch(from + i, 0, 3);
}
HOTLOOP_INLINE void ask_for(float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) __builtin_prefetch(to + i, 1, 3);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void small_program_kernel(const ProgramCall& call, float* scratch, Share share) {
  const SmallProgram& program = call.program;
  const ProgramLayout& layout = call.layout;
  const std::int64_t block = program_block(program);
  const Range part = share.of(call.size(), 1024);
  Operand operands[kMostBlocks + kMostConstants];
  const int first_output = program.inputs + program.slots, blocks = program.blocks();
  for (int k = 0; k < blocks; ++k) operands[k] = {scratch + k * block, kLanes};
  for (int k = 0; k < program.constant_count; ++k)
    operands[blocks + k] = {const_cast<float*>(program.constants + k * kConstantLanes), 0};
  for (int k = 0; k < program.inputs; ++k) {
    if (!layout.inputs[k].one || !program.reads(k)) continue;
    fetch(layout, layout.inputs[k], call.inputs[k], 0, 1, operands[k].data);
    store(operands[k].data, splat(operands[k].data[0]));
    operands[k].step = 0;
  }
  for (std::int64_t at = part.begin; at < part.end; at += block) {
    const std::int64_t left = part.end - at, n = left < block ? left : block;
    const std::int64_t ahead = left - n < block ? left - n : block;
    // Inputs are read, and outputs written, where they are, unless that takes more than whole vectors.
    const bool vectors = n % kLanes == 0;
    for (int k = 0; k < program.inputs; ++k) {
      const ProgramInput& input = layout.inputs[k];
      if (input.one || !program.reads(k)) continue;
      if (!input.whole || input.dtype != DType::f32) {
        fetch(layout, input, call.inputs[k], at, n, operands[k].data);
        continue;
      }
      const float* from = static_cast<const float*>(call.inputs[k]) + at;
      operands[k].data = vectors ? const_cast<float*>(from) : scratch + k * block;
      if (!vectors) fetch(layout, input, call.inputs[k], at, n, operands[k].data);
      ask_for(from + block, ahead);
    }
    for (int k = 0; k < program.outputs; ++k) {
      float* const to = call.outputs[k];
      const bool in_place = vectors && to != nullptr && !call.adds_to(k);
      operands[first_output + k].data = in_place ? to + at : scratch + (first_output + k) * block;
      if (to != nullptr) ask_for(to + at + block, ahead);
    }
    for (int s = 0; s < program.count; ++s)
      kRuns[program.steps[s].opcode](operands, program.steps[s], static_cast<int>(n));
    for (int k = 0; k < program.outputs; ++k)
      if (call.outputs[k] != nullptr && (!vectors || call.adds_to(k)))
        put(operands[first_output + k].data, call.outputs[k] + at, call.adds_to(k), n);
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
