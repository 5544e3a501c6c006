// Small programs over float32 arrays, whose inputs are broadcast as NumPy does.
#include "ops/small_program/small_program.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "program/loaded_program.h"

namespace hotloop::bind {
namespace {

// Where an array's numbers are; sets what they are.
const void* input_data(const Operand& array, ProgramInput& input) {
  if (py::isinstance<py::array_t<std::int32_t>>(array)) {
    input.dtype = DType::i32;
    return contiguous_data<std::int32_t>(array, "inputs");
  }
  if (py::isinstance<py::array_t<std::uint8_t>>(array)) {
    input.dtype = DType::u8;
    return contiguous_data<std::uint8_t>(array, "inputs");
  }
  return contiguous_data<float>(array, "inputs");
}

AxisSizes sizes_of(const Operand& array) {
  return {reinterpret_cast<const std::int64_t*>(array.shape()), static_cast<int>(array.ndim())};
}

void require_counts(const SmallProgram& program, std::size_t inputs, std::size_t outputs) {
  require(inputs == static_cast<std::size_t>(program.inputs), "inputs: expected ", program.inputs,
          " arrays, got ", inputs);
  require(outputs == static_cast<std::size_t>(program.outputs), "outputs: expected ", program.outputs,
          " arrays or None, got ", outputs);
}

void run(const py::array& code, const py::array& constants, const std::vector<Operand>& inputs,
         std::vector<Maybe> outputs, bool accumulate) {
  const LoadedProgram program(contiguous_data<std::int32_t>(code, "code"), code.size(),
                              contiguous_data<float>(constants, "constants"), constants.size());
  require_counts(program.view(), inputs.size(), outputs.size());
  ProgramLayout layout;
  const Operand* whole = nullptr;
  std::vector<float*> to;
  for (Maybe& output : outputs) {
    to.push_back(output ? writable_data<float>(*output, "outputs") : nullptr);
    if (!output) continue;
    if (whole == nullptr) whole = &*output;
    require(output->ndim() == whole->ndim() &&
                std::equal(whole->shape(), whole->shape() + whole->ndim(), output->shape()),
            "outputs: expected arrays of one shape, got a ", describe(*output), " and a ", describe(*whole));
  }
  require(whole != nullptr, "outputs: expected at least one array, got None alone");
  begin_axes(layout, 1, sizes_of(*whole));
  std::vector<const void*> from;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    from.push_back(input_data(inputs[k], layout.inputs[k]));
    set_strides(layout, static_cast<int>(k), sizes_of(inputs[k]), false);
  }
  join_axes(layout, program.view().inputs);
  const std::vector<char> adds(outputs.size(), accumulate);
  const ProgramCall call{program.view(), layout, 1, from.data(), to.data(), adds.data()};

  const Unlocked released;
  const int threads = threads_for(call.size());
  const AlignedBuffer scratch(threads * program.scratch());
  run_team(threads, [&](Team& team) {
    run_small_program(call, scratch.as<float>(team.rank() * program.scratch()), team.share());
  });
  settle();
}

void run_ref(const py::array& code, const py::array& constants, const std::vector<py::array>& inputs,
             std::vector<py::array> outputs) {
  const CheckedProgram program(contiguous_data<std::int32_t>(code, "code"), code.size(),
                               contiguous_data<float>(constants, "constants"), constants.size());
  require_counts(program.view, inputs.size(), outputs.size());
  const std::int64_t n = outputs[0].size();
  std::vector<const double*> from;
  std::vector<double*> to;
  for (const py::array& input : inputs) {
    require_size(input, n, "inputs");
    from.push_back(contiguous_data<double>(input, "inputs"));
  }
  for (py::array& output : outputs) {
    require_size(output, n, "outputs");
    to.push_back(writable_data<double>(output, "outputs"));
  }
  small_program_ref(program.view, from.data(), to.data(), n);
}

}  // namespace

void bind_small_program(py::module_& module) {
  module.def(
      "small_program_instructions",
      [] {
        std::vector<std::pair<std::string, int>> all;
        for (const InstructionFacts& facts : instruction_facts())
          all.emplace_back(facts.name, facts.operands);
        return all;
      },
      "Names and numbers of operands, by opcode.");
  module.def(
      "small_program_limits",
      [] {
        py::dict limits;
        limits["inputs"] = kMostInputs;
        limits["outputs"] = kMostOutputs;
        limits["blocks"] = kMostBlocks;
        limits["constants"] = kMostConstants;
        limits["steps"] = kMostSteps;
        return limits;
      },
      "The most that a program may have; blocks: inputs, slots and outputs together.");
  module.def(
      "check_small_program",
      [](const py::array& code, const py::array& constants) {
        CheckedProgram(contiguous_data<std::int32_t>(code, "code"), code.size(),
                       contiguous_data<float>(constants, "constants"), constants.size());
      },
      py::arg("code"), py::arg("constants"), "Raises ValueError where the arrays are no program.");
  module.def("run_small_program", &run, py::arg("code"), py::arg("constants"), py::arg("inputs"),
             py::arg("outputs"), py::arg("accumulate") = false,
             "Inputs are float32, int32 or uint8 and broadcast to the outputs, which are float32 or None.");
  module.def("small_program_ref", &run_ref, py::arg("code"), py::arg("constants"), py::arg("inputs"),
             py::arg("outputs"), "The same in float64, on arrays of one size.");
}

}  // namespace hotloop::bind
