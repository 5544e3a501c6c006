#include "ops/small_program/small_program.h"

#include "cuda/device/lanes.h"
#include "cuda/device/shared.h"
#include "cuda/launch.h"
#include "math/erf.h"
#include "math/log.h"
#include "math/power.h"
#include "math/remainder.h"
#include "math/rounding.h"
#include "math/sigmoid.h"
#include "math/trigonometry.h"

namespace hotloop {
namespace {

constexpr int kThreads = 128;

// A call as a kernel takes it.
struct DeviceCall {
  SmallProgram program;
  ProgramLayout layout;
  const void* inputs[kMostInputs];
  float* outputs[kMostOutputs];
  bool accumulate[kMostOutputs];
};

HOTLOOP_INLINE float load_as_float(const ProgramInput& input, const void* data, std::int64_t i) {
  if (input.dtype == DType::f32) return static_cast<const float*>(data)[i];
  if (input.dtype == DType::i32) return __int2float_rn(static_cast<const std::int32_t*>(data)[i]);
  return __int2float_rn(static_cast<const std::uint8_t*>(data)[i]);
}

HOTLOOP_INLINE float load_place(const DeviceCall& call, int k, std::int64_t i) {
  const ProgramInput& input = call.layout.inputs[k];
  if (input.whole) return load_as_float(input, call.inputs[k], i);
  std::int64_t place = 0;
  for (int axis = call.layout.axes - 1; axis > 0; --axis) {
    place += i % call.layout.shape[axis] * input.strides[axis];
    i /= call.layout.shape[axis];
  }
  return __fdiv_rn(load_as_float(input, call.inputs[k], place + i * input.strides[0]), input.divisor);
}

#define HOTLOOP_READ_1 [[maybe_unused]] const F32 a = operand(step.a);
#define HOTLOOP_READ_2 HOTLOOP_READ_1 const F32 b = operand(step.b);
#define HOTLOOP_READ_3 HOTLOOP_READ_2 const F32 c = operand(step.c);
template <class Read>
HOTLOOP_INLINE F32 apply(const ProgramStep& step, const Read& operand) {
  switch (static_cast<Opcode>(step.opcode)) {
#define HOTLOOP_CASE(name, operands, formula, ...) \
  case Opcode::name: {                             \
    HOTLOOP_READ_##operands return formula;        \
  }
    HOTLOOP_INSTRUCTIONS(HOTLOOP_CASE)
#undef HOTLOOP_CASE
  }
  return splat(0.0f);
}

// A thread has a number of each input, slot and output in shared memory, where it may be looked up by number.
__global__ void __launch_bounds__(kThreads)
    program_kernel(const __grid_constant__ DeviceCall call, std::int64_t n) {
  const SmallProgram& program = call.program;
  float* const mine = reinterpret_cast<float*>(dynamic_shared()) + threadIdx.x;
  const int blocks = program.blocks();
  const std::int64_t all = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += all) {
    for (int k = 0; k < program.inputs; ++k)
      if (program.reads(k)) mine[k * kThreads] = load_place(call, k, i);
    const auto operand = [&](std::int32_t number) {
      return F32{number < blocks ? mine[number * kThreads]
                                 : program.constants[(number - blocks) * kConstantLanes]};
    };
    for (int s = 0; s < program.count; ++s) {
      const ProgramStep step = program.steps[s];
      mine[step.to * kThreads] = apply(step, operand).lane;
    }
    for (int k = 0; k < program.outputs; ++k) {
      float* const to = call.outputs[k];
      if (to == nullptr) continue;
      const float made = mine[(program.inputs + program.slots + k) * kThreads];
      to[i] = call.accumulate[k] ? __fadd_rn(to[i], made) : made;
    }
  }
}

}  // namespace

namespace cuda {

void small_program_kernel(const ProgramCall& call, float*, Share) {
  constexpr std::int64_t kMostGrid = 1 << 16;
  const std::int64_t n = call.size(), grid = divide_up(n, kThreads);
  DeviceCall device{call.program, call.layout, {}, {}, {}};
  for (int k = 0; k < call.program.inputs; ++k) device.inputs[k] = call.inputs[k];
  for (int k = 0; k < call.program.outputs; ++k)
    device.outputs[k] = call.outputs[k], device.accumulate[k] = call.adds_to(k);
  const std::size_t shared = static_cast<std::size_t>(call.program.blocks()) * kThreads * sizeof(float);
  launch("small program", program_kernel,
         {dim3(static_cast<unsigned>(grid < kMostGrid ? grid : kMostGrid)), dim3(kThreads), shared}, device,
         n);
}

}  // namespace cuda
}  // namespace hotloop
