#include "ops/small_program/small_program.h"

#include "base/error.h"

namespace hotloop {
namespace {

constexpr int kHeader = 3, kStepSize = 5;

// What has been written so far, and what may be read.
class StepCheck {
 public:
  StepCheck(const SmallProgram& program, std::int64_t constants)
      : program_(program),
        total_(program.blocks() + static_cast<int>(constants)),
        written_(static_cast<std::size_t>(program.blocks())) {
    for (int i = 0; i < program.inputs; ++i) written_[static_cast<std::size_t>(i)] = true;
  }

  void check(const ProgramStep& step, int number) {
    const auto& known = instruction_facts();
    require(step.opcode >= 0 && step.opcode < static_cast<int>(known.size()), "code: step ", number,
            ": expected an instruction from 0 to ", known.size() - 1, ", got ", step.opcode);
    const InstructionFacts& facts = known[static_cast<std::size_t>(step.opcode)];
    const std::int32_t operands[] = {step.a, step.b, step.c};
    for (int i = 0; i < 3; ++i) {
      const std::int32_t operand = operands[i];
      if (i >= facts.operands) {
        require(operand == 0, "code: step ", number, ": ", facts.name, " has ", facts.operands,
                " operands, and expects 0 in the place of others, got ", operand);
        continue;
      }
      require(operand >= 0 && operand < total_, "code: step ", number, ": ", facts.name,
              ": expected operands from 0 to ", total_ - 1, ", got ", operand);
      require(operand >= program_.blocks() || written_[static_cast<std::size_t>(operand)], "code: step ",
              number, ": ", facts.name, ": operand ", operand, " is read before it is written");
      if (operand < program_.inputs) read_ |= std::uint32_t{1} << operand;
    }
    require(step.to >= program_.inputs && step.to < program_.blocks(), "code: step ", number, ": ",
            facts.name, ": expected to write to ", program_.inputs, " to ", program_.blocks() - 1, ", got ",
            step.to);
    written_[static_cast<std::size_t>(step.to)] = true;
  }

  std::uint32_t read() const { return read_; }
  void check_outputs() const {
    for (int i = program_.inputs + program_.slots; i < program_.blocks(); ++i)
      require(written_[static_cast<std::size_t>(i)], "code: output ", i - program_.inputs - program_.slots,
              " is never written");
  }

 private:
  const SmallProgram& program_;
  const int total_;
  std::vector<bool> written_;
  std::uint32_t read_ = 0;
};

void require_count(const char* what, std::int64_t count, int least, int most) {
  require(count >= least && count <= most, "code: expected ", least, " to ", most, ' ', what, ", got ",
          count);
}

}  // namespace

const std::vector<InstructionFacts>& instruction_facts() {
#define HOTLOOP_FACTS(name, operands, ...) {#name, operands},
  static const std::vector<InstructionFacts> facts{HOTLOOP_INSTRUCTIONS(HOTLOOP_FACTS)};
#undef HOTLOOP_FACTS
  return facts;
}

CheckedProgram::CheckedProgram(const std::int32_t* code, std::int64_t size, const float* values,
                               std::int64_t count) {
  require(size > kHeader && (size - kHeader) % kStepSize == 0, "code: expected ", kHeader, " integers and ",
          kStepSize, " for each step, got ", size);
  require_count("inputs", code[0], 0, kMostInputs);
  require_count("slots", code[1], 0, kMostBlocks);
  require_count("outputs", code[2], 1, kMostOutputs);
  view.inputs = code[0], view.slots = code[1], view.outputs = code[2];
  require_count("inputs, slots and outputs together", view.blocks(), 1, kMostBlocks);
  require_count("constants", count, 0, kMostConstants);
  const std::int64_t step_count = (size - kHeader) / kStepSize;
  require_count("steps", step_count, 1, kMostSteps);

  StepCheck checked(view, count);
  for (const std::int32_t* at = code + kHeader; at < code + size; at += kStepSize) {
    steps.push_back({at[0], at[1], at[2], at[3], at[4]});
    checked.check(steps.back(), static_cast<int>(steps.size()) - 1);
  }
  checked.check_outputs();
  view.read = checked.read();
  for (std::int64_t i = 0; i < count; ++i) constants.insert(constants.end(), kConstantLanes, values[i]);
  view.count = static_cast<int>(steps.size()), view.constant_count = static_cast<int>(count);
  view.steps = steps.data(), view.constants = constants.data();
}

void run_small_program(const ProgramCall& call, float* scratch, Share share) {
  if (call.size() > 0) HOTLOOP_SELECT(small_program_kernel)(call, scratch, share);
}

}  // namespace hotloop
