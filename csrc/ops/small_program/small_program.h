// Chains of elementwise ops as one op: a small program runs over blocks of numbers that stay in the
// first-level cache, one instruction after the other over a whole block. instructions.h says what there is.
#pragma once
#include <cstdint>
#include <vector>

#include "base/types.h"
#include "cpu/isa.h"
#include "ops/small_program/instructions.h"

namespace hotloop {

// Operands are numbered: inputs, slots, outputs, constants. An instruction writes a slot or an output.
struct ProgramStep {
  std::int32_t opcode = 0, to = 0, a = 0, b = 0, c = 0;
};

// A constant is there as many times as a vector has lanes.
constexpr int kConstantLanes = 16;

// What kernels see of a program. steps and constants lie where the kernel reads them.
struct SmallProgram {
  const ProgramStep* steps = nullptr;
  const float* constants = nullptr;
  int count = 0, inputs = 0, slots = 0, outputs = 0, constant_count = 0;
  std::uint32_t read = 0;  // a bit for each input: the others need not be there

  constexpr bool reads(int input) const { return (read >> input & 1) != 0; }
  constexpr int blocks() const { return inputs + slots + outputs; }  // the operands that have one
};

constexpr int kMostInputs = 24, kMostOutputs = 24, kMostBlocks = 56, kMostConstants = 256, kMostSteps = 1024;

// A program that has been checked, in the host's memory. code: inputs, slots, outputs, and then opcode, to,
// a, b, c of each step; operands that an instruction doesn't have are 0. Throws std::invalid_argument where
// anything is out of range, read before it is written, or not written at all.
struct CheckedProgram {
  CheckedProgram(const std::int32_t* code, std::int64_t size, const float* constants, std::int64_t count);
  std::vector<ProgramStep> steps;
  std::vector<float> constants;
  SmallProgram view;  // of what is in here: void once this has moved
};
struct InstructionFacts {
  const char* name;
  int operands;
};
// By opcode.
const std::vector<InstructionFacts>& instruction_facts();

// How inputs lie against the shape that they are broadcast to: rows, and the axes of a sample, of which those
// are one that every input walks through or stays in.
constexpr int kMostProgramAxes = 9;
struct ProgramInput {
  DType dtype = DType::f32;                     // or i32, u8, which become floats
  bool whole = true;                            // neither repeated nor moved: number i is that of place i
  bool one = false;                             // a single number
  std::int64_t strides[kMostProgramAxes] = {};  // 0 or 1 along the last axis
  float divisor = 1.0f;  // what a number that is repeated along the last axis is divided by
};
struct ProgramLayout {
  int axes = 1;
  std::int64_t shape[kMostProgramAxes] = {1};  // the first is how many rows there are, where that is known
  ProgramInput inputs[kMostInputs];

  std::int64_t features() const {
    std::int64_t n = 1;
    for (int axis = 1; axis < axes; ++axis) n *= shape[axis];
    return n;
  }
};

// The sizes of a few axes.
struct AxisSizes {
  const std::int64_t* sizes = nullptr;
  int rank = 0;
};
// Sets how an input lies, of which there is one of `shape` for each row or one for all of them. Throws
// std::invalid_argument where it does not broadcast to the sample, or the sample has too many axes. When all
// are known, join_axes makes as few of the axes as can be.
void begin_axes(ProgramLayout& layout, std::int64_t rows, AxisSizes sample);
void set_strides(ProgramLayout& layout, int which, AxisSizes shape, bool batched);
void join_axes(ProgramLayout& layout, int inputs);

struct ProgramCall {
  SmallProgram program;
  const ProgramLayout& layout;
  std::int64_t rows = 0;
  const void* const* inputs = nullptr;
  // No output may overlap an input or another output. Null where nobody wants it.
  float* const* outputs = nullptr;
  const char* accumulate = nullptr;  // for each output, whether it is added to; null where none is

  std::int64_t size() const { return rows * layout.features(); }
  bool adds_to(int output) const { return accumulate != nullptr && accumulate[output] != 0; }
};

// Numbers a block. By the program alone: what is in flight takes 16 KB or so. (No result depends on it.)
constexpr int program_block(const SmallProgram& program) {
  int block = 512;
  while (block > 128 && block * (program.inputs + program.slots + program.outputs) > 6144) block /= 2;
  return block;
}
// Floats that each thread works in, from a cache line's beginning on.
constexpr std::int64_t program_scratch(const SmallProgram& program) {
  return std::int64_t{program_block(program)} * (program.inputs + program.slots + program.outputs);
}

// scratch: this thread's, of program_scratch floats; the CUDA half needs none.
void run_small_program(const ProgramCall& call, float* scratch, Share share);
// The slow witness, in double. Inputs and outputs are whole, n numbers each.
void small_program_ref(const SmallProgram& program, const double* const* inputs, double* const* outputs,
                       std::int64_t n);

HOTLOOP_PER_ISA(void small_program_kernel(const ProgramCall& call, float* scratch, Share share);)

}  // namespace hotloop
