// A chain of elementwise ops as a small program. Arrays: code and constants; to train, gradient_code and
// gradient_constants too, a program whose inputs are those of the op and then the gradients of its outputs,
// and whose outputs are the gradients of the inputs that `wanted` lists.
//
// attributes  reduce (text): "sum" or "mean" where the first output is not what the program makes but that
//             over each sample, of as many axes of size 1. Further outputs are for the gradient program,
//             which reads them in place of their gradients
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/small_program/small_program.h"
#include "program/loaded_program.h"
#include "program/nodes/broadcast_sum.h"
#include "program/nodes/row_reduction.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

AxisSizes sizes_of(const Shape& shape) { return {shape.begin(), shape.rank()}; }

std::unique_ptr<LoadedProgram> load(const NodeSpec& spec, const std::string& code,
                                    const std::string& constants) {
  const ConstArray &steps = spec.array(code), &values = spec.array(constants);
  require(steps.dtype == DType::i32, spec.op, ": expected int32 as ", code, ", got ",
          dtype_name(steps.dtype));
  require(values.dtype == DType::f32, spec.op, ": expected float32 as ", constants, ", got ",
          dtype_name(values.dtype));
  return std::make_unique<LoadedProgram>(static_cast<const std::int32_t*>(steps.data), steps.size,
                                         static_cast<const float*>(values.data), values.size);
}

// What comes of broadcasting samples against each other, which is batched where one of them is.
ValueSpec broadcast(const NodeSpec& spec) {
  ValueSpec whole{{}, DType::f32, false};
  int rank = 0;
  for (const ValueSpec& input : spec.inputs) rank = std::max(rank, input.shape.rank());
  for (int axis = 0; axis < rank; ++axis) whole.shape.push_back(1);
  for (const ValueSpec& input : spec.inputs) {
    require(input.dtype == DType::f32 || input.dtype == DType::i32 || input.dtype == DType::u8, spec.op,
            ": expected inputs of float32, int32 or uint8, got ", dtype_name(input.dtype));
    whole.batched = whole.batched || input.batched;
    const int ahead = rank - input.shape.rank();
    for (int axis = 0; axis < input.shape.rank(); ++axis) {
      std::int64_t& size = whole.shape[ahead + axis];
      if (size == 1) size = input.shape[axis];
    }
  }
  require(whole.shape.is_sound(kMostFeatures), spec.op, ": expected 1 to ", kMostFeatures,
          " numbers a sample, got shape ", whole.shape);
  return whole;
}

// The memory that a run gives to a program: each rank's own, and then what they share.
struct Room {
  float* own;
  float* shared;
};

class Elementwise final : public Node {
 public:
  explicit Elementwise(const NodeSpec& spec)
      : output_(broadcast(spec)),
        made_(output_.shape),
        inputs_(static_cast<int>(spec.inputs.size())),
        code_(load(spec, "code", "constants")) {
    require(code_->view().inputs == inputs_, spec.op, ": expected ", code_->view().inputs, " inputs, got ",
            inputs_);
    if (spec.has_attribute("reduce")) reduce(spec);
    lay_out(spec, layout_);
    join_axes(layout_, inputs_);
    if (spec.has_array("gradient_code")) load_gradient(spec);
  }

  std::vector<ValueSpec> outputs() const override {
    std::vector<ValueSpec> made(static_cast<std::size_t>(code_->view().outputs), output_);
    made[0].shape = made_;
    return made;
  }

  NodeFacts facts() const override {
    NodeFacts facts;
    (output_.batched ? facts.work_per_row : facts.work_per_batch) = work();
    if (!output_.batched) facts.work_per_row = 0;
    facts.operations = static_cast<double>(output_.features()) * code_->view().outputs;
    facts.backward_reads_outputs = keeps();
    facts.backward_reads_inputs = gradient_ != nullptr && gradient_reads_inputs();
    if (gradient_ == nullptr) facts.gradient = GradientFlow::unknown;
    return facts;
  }

  std::int64_t scratch(std::int64_t max_rows, int threads, bool training) const override {
    const std::int64_t own = (own_bytes() + reduction_bytes(max_rows)) * threads;
    if (!training || gradient_ == nullptr) return own;
    std::int64_t shared = room_bytes(max_rows);
    for (const Wanted& wanted : wanted_)
      if (wanted.sum) shared += whole_bytes(max_rows);
    return own + shared;
  }

  void forward(const NodeRun& run) override {
    float* to[kMostOutputs];
    if (reduction_) {
      const std::int64_t own = own_bytes();
      float* const scratch = run.own_scratch(own + reduction_bytes(run.rows));
      to[0] = scratch + own / size_of(DType::f32);
      for (int k = 1; k < code_->view().outputs; ++k) to[k] = run.training ? run.out(k) : nullptr;
      reduction_->forward({code_->view(), layout_, rows(run), run.inputs, to}, scratch, run.out(),
                          run.team.share());
      return;
    }
    for (int k = 0; k < code_->view().outputs; ++k) to[k] = run.out(k);
    run_small_program({code_->view(), layout_, rows(run), run.inputs, to}, own_room(run), run.team.share());
  }

  void backward(const NodeRun& run) override {
    const void* from[kMostInputs];
    const int outputs = code_->view().outputs;
    bool whole = true;
    for (int k = 0; k < inputs_; ++k) from[k] = run.inputs[k];
    for (int k = 0; k < outputs; ++k) {
      from[inputs_ + k] = keeps() && k > 0 ? run.out(k) : run.output_gradients[k];
      whole = whole && from[inputs_ + k] != nullptr;
    }
    if (whole) return run_gradient(run, gradient_layout_, from);
    // What hands an output no gradient hands it zeros.
    ProgramLayout layout = gradient_layout_;
    for (int k = inputs_; k < inputs_ + outputs; ++k) {
      if (from[k] != nullptr) continue;
      from[k] = zeros_->view().constants;
      layout.inputs[k] = ProgramInput{};
      layout.inputs[k].one = true, layout.inputs[k].whole = false;
    }
    run_gradient(run, layout, from);
  }

 private:
  // One output of the gradient program.
  struct Wanted {
    int input;
    std::optional<BroadcastSum> sum;  // where the input was broadcast
  };

  void reduce(const NodeSpec& spec) {
    reduction_.emplace(spec.text("reduce"), output_.features());
    for (int axis = 0; axis < made_.rank(); ++axis) made_[axis] = 1;
  }

  void lay_out(const NodeSpec& spec, ProgramLayout& layout) const {
    begin_axes(layout, output_.batched ? 0 : 1, sizes_of(output_.shape));
    for (int k = 0; k < inputs_; ++k) {
      const ValueSpec& input = spec.inputs[static_cast<std::size_t>(k)];
      layout.inputs[k].dtype = input.dtype;
      set_strides(layout, k, sizes_of(input.shape), input.batched);
    }
  }

  void load_gradient(const NodeSpec& spec) {
    gradient_ = load(spec, "gradient_code", "gradient_constants");
    const SmallProgram& program = gradient_->view();
    const int outputs = code_->view().outputs, all = inputs_ + outputs;
    require(program.inputs == all, spec.op, ": gradient_code: expected ", all, " inputs, got ",
            program.inputs);
    lay_out(spec, gradient_layout_);
    for (int k = inputs_; k < all; ++k) {
      const bool reduced = reduction_ && k == inputs_;
      set_strides(gradient_layout_, k, sizes_of(reduced ? made_ : output_.shape), output_.batched);
      if (reduced) gradient_layout_.inputs[k].divisor = reduction_->divisor();
    }
    join_axes(gradient_layout_, all);

    const ConstArray& wanted = spec.array("wanted", DType::i32, program.outputs);
    std::vector<bool> seen(static_cast<std::size_t>(inputs_));
    for (std::int64_t k = 0; k < wanted.size; ++k) {
      const std::int32_t input = static_cast<const std::int32_t*>(wanted.data)[k];
      require(input >= 0 && input < inputs_ && !seen[static_cast<std::size_t>(input)] &&
                  layout_.inputs[input].dtype == DType::f32,
              spec.op, ": wanted: expected float32 inputs from 0 to ", inputs_ - 1, ", each once, got ",
              input);
      seen[static_cast<std::size_t>(input)] = true;
      wanted_.push_back({input, std::nullopt});
      if (!gradient_layout_.inputs[input].whole)
        wanted_.back().sum.emplace(gradient_layout_, input, output_.batched);
    }
    for (int k = 0; k < inputs_; ++k)
      if (!seen[static_cast<std::size_t>(k)])
        unwanted_.push_back({k, spec.inputs[static_cast<std::size_t>(k)]});
    constexpr std::int32_t kClear[] = {0, 0, 1, static_cast<std::int32_t>(Opcode::copy), 0, 1, 0, 0};
    constexpr float kZero = 0.0f;
    zeros_ = std::make_unique<LoadedProgram>(kClear, std::size(kClear), &kZero, 1);
  }

  // Whether the gradient program reads outputs.
  bool keeps() const { return reduction_ && code_->view().outputs > 1; }

  bool gradient_reads_inputs() const {
    return (gradient_->view().read & ((std::uint32_t{1} << inputs_) - 1)) != 0;
  }

  void run_gradient(const NodeRun& run, const ProgramLayout& layout, const void* const* from) {
    float* to[kMostOutputs];
    char adds[kMostOutputs];
    char* const shared = static_cast<char*>(run.scratch) + own_bytes() * run.team.size();
    const auto room = reinterpret_cast<float*>(shared);
    auto next = reinterpret_cast<float*>(shared + room_bytes(run.rows));
    bool sums = false;
    for (std::size_t k = 0; k < wanted_.size(); ++k) {
      const Wanted& wanted = wanted_[k];
      float* const gradient = run.input_gradients[wanted.input];
      const bool sum = gradient != nullptr && wanted.sum;
      to[k] = sum ? next : gradient;
      adds[k] = sum ? 0 : run.accumulate[wanted.input];
      if (wanted.sum) next += whole_bytes(run.rows) / size_of(DType::f32);
      sums = sums || sum;
    }
    run_small_program({gradient_->view(), layout, rows(run), from, to, adds}, own_room(run),
                      run.team.share());
    clear_unwanted(run);
    if (!sums) return;
    run.team.barrier();
    for (std::size_t k = 0; k < wanted_.size(); ++k) {
      const Wanted& wanted = wanted_[k];
      float* const gradient = run.input_gradients[wanted.input];
      if (gradient == nullptr || !wanted.sum) continue;
      wanted.sum->add_up(rows(run), to[k], room, gradient, run.accumulate[wanted.input], run.team);
      run.team.barrier();  // the room is the next one's
    }
  }

  // An input that nothing is made of has no gradient: zeros, where the graph wants to see one.
  void clear_unwanted(const NodeRun& run) {
    for (const auto& [input, spec] : unwanted_) {
      float* const gradient = run.input_gradients[input];
      if (gradient == nullptr || run.accumulate[input]) continue;
      ProgramLayout layout;
      begin_axes(layout, 0, sizes_of(spec.shape));
      run_small_program({zeros_->view(), layout, spec.rows(run.rows), nullptr, &gradient}, own_room(run),
                        run.team.share());
    }
  }

  double work() const { return static_cast<double>(output_.features()) * code_->view().count; }
  std::int64_t rows(const NodeRun& run) const { return output_.rows(run.rows); }
  std::int64_t own_bytes() const {
    std::int64_t bytes = code_->scratch();
    if (gradient_ != nullptr) bytes = std::max({bytes, gradient_->scratch(), zeros_->scratch()});
    return round_up(bytes, kAlignment);
  }
  float* own_room(const NodeRun& run) const { return run.own_scratch(own_bytes()); }
  // Of a gradient of the output's shape, and of what its sums go through.
  std::int64_t whole_bytes(std::int64_t batch) const {
    return round_up(output_.rows(batch) * output_.features() * size_of(DType::f32), kAlignment);
  }
  std::int64_t room_bytes(std::int64_t batch) const {
    std::int64_t numbers = 0;
    for (const Wanted& wanted : wanted_)
      if (wanted.sum) numbers = std::max(numbers, wanted.sum->room(output_.rows(batch)));
    return round_up(numbers * size_of(DType::f32), kAlignment);
  }

  std::int64_t reduction_bytes(std::int64_t batch) const {
    return reduction_ ? reduction_->room(output_.rows(batch)) * size_of(DType::f32) : 0;
  }

  const ValueSpec output_;  // what the program goes over
  Shape made_;              // of the first output
  const int inputs_;
  std::unique_ptr<LoadedProgram> code_, gradient_, zeros_;
  std::optional<RowReduction> reduction_;
  ProgramLayout layout_, gradient_layout_;
  std::vector<Wanted> wanted_;
  std::vector<std::pair<int, ValueSpec>> unwanted_;
};

}  // namespace

std::unique_ptr<Node> make_elementwise(const NodeSpec& spec) { return std::make_unique<Elementwise>(spec); }

}  // namespace hotloop
