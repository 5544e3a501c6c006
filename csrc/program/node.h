// One op of a program: what a graph knows of it, and what it does when the team comes by.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/types.h"
#include "cpu/team.h"
#include "ops/activation/activation.h"
#include "program/node_spec.h"
#include "program/row_walk.h"
#include "program/value.h"

namespace hotloop {

class HotUpdate;

// What becomes of the gradients of a node's outputs.
enum class GradientFlow {
  through,  // backward makes those of the inputs, and of the node's parameters; int32 outputs have none
  stopped,  // they end here: the inputs get none from this node
  unknown,  // the op has no derivative; a program refuses to train what lies before it
};

// What a graph, its passes and profiles ask of a node; asked for once, when it is added.
struct NodeFacts {
  // Multiply-adds that forward costs, roughly, for each row of a batch and for any batch: what decides
  // whether a team is worth calling. By default one for each number that is made.
  static constexpr double kByOutputs = -1;
  double work_per_row = kByOutputs, work_per_batch = 0;
  // For profiles, which say in program/profile.h how they count: operations of a row in forward, and as many
  // in backward for each input whose gradient is wanted; those of a row in backward for the parameters; in
  // what numbers; and bytes of constants that a run reads.
  double operations = kByOutputs, parameter_operations = 0;
  DType arithmetic = DType::f32;
  double constant_bytes = 0;
  // What it reads and writes of the arena; the program checks that it lies inside. Whether training changes
  // any of it, and whether backward knows how to use run.hot_update, for all of it.
  std::vector<Stretch> parameters;
  bool trainable = false;
  bool updates_itself = false;
  GradientFlow gradient = GradientFlow::through;
  // Which values backward reads: the memory plan keeps only those.
  bool backward_reads_inputs = true, backward_reads_outputs = true;
  // Those of a node whose backward reads none.
  static NodeFacts of_gradients_alone() {
    NodeFacts facts;
    facts.backward_reads_inputs = facts.backward_reads_outputs = false;
    return facts;
  }
  // Whether a row of an output depends on other rows of an input, in inference. A batch then is never cut
  // into chunks. Batch -> no batch axis is such a case without saying so.
  bool mixes_rows = false;
  // The only output, without a batch axis, lies where Node::fixed_output says; there is no forward.
  bool fixed = false;
};

// A dense layer as it stands, for whoever runs several of them in one go.
struct DenseLayer {
  std::int64_t inputs = 0, units = 0;
  const float *kernel = nullptr, *bias = nullptr;                 // where they lie now; bias may be null
  std::int64_t kernel_at = kNoParameter, bias_at = kNoParameter;  // their offsets in the arena
  ActivationArgs activation{Activation::linear};
  bool trainable = true;
};

// What a node sees of the step in progress. Pointers are to whole batches; each rank does its share.
struct NodeRun {
  const Team& team;
  // Of this batch: at most what prepare was told. 1 where no value of the node has a batch axis; where only
  // some have, a node asks ValueSpec::rows(run.rows) for each.
  std::int64_t rows;
  bool training;  // batch statistics, dropout
  std::uint64_t seed, step;
  const void* const* inputs;
  void* const* outputs;
  float* parameters;           // the arena; a node adds its offsets
  float* parameter_gradients;  // the gradient arena, same offsets
  void* scratch;               // what the node asked for by scratch(): every rank's, lost after the call
  // Backward only. Null where nothing hands that output a gradient (but never all of them): zeros.
  float* const* output_gradients;
  float* const* input_gradients;  // null where nobody wants it
  const char* accumulate;         // per input: add to what is there instead of overwriting
  // By facts().parameters: another node has written that one's gradient in this step, which is added to.
  // One node may share only some of its parameters: where only a kernel is read elsewhere, a bias is not.
  const char* accumulate_parameters;
  // Not null: a node that updates itself calls this instead of writing its gradients.
  const HotUpdate* hot_update = nullptr;

  template <class T = float>
  const T* in(int i = 0) const {
    return static_cast<const T*>(inputs[i]);
  }
  template <class T = float>
  T* out(int i = 0) const {
    return static_cast<T*>(outputs[i]);
  }
  const float* output_gradient(int i = 0) const { return output_gradients[i]; }
  // The same memory: a node may overwrite it, it is not read again.
  float* output_gradient_scratch(int i = 0) const { return output_gradients[i]; }
  // This rank's part of the scratch, where each has as many bytes.
  template <class T = float>
  T* own_scratch(std::int64_t bytes_per_rank) const {
    return reinterpret_cast<T*>(static_cast<char*>(scratch) + team.rank() * bytes_per_rank);
  }
};

class Node {
 public:
  virtual ~Node() = default;
  virtual std::vector<ValueSpec> outputs() const = 0;  // one or more
  virtual NodeFacts facts() const { return {}; }
  // Called outside the team before the first run with these limits; the place to allocate what training keeps
  // from one call to the next. Never shrinks. Sessions don't call it.
  virtual void prepare([[maybe_unused]] std::int64_t max_rows, [[maybe_unused]] int threads,
                       [[maybe_unused]] bool training) {}
  // Called outside the team when a call that trains begins: the parameters may be others than the last one
  // left.
  virtual void begin_training() {}
  // Bytes of working memory that forward, and with training backward too, needs for a single call at these
  // limits. It comes as run.scratch, aligned to a cache line and shared with the other nodes.
  virtual std::int64_t scratch([[maybe_unused]] std::int64_t max_rows, [[maybe_unused]] int threads,
                               [[maybe_unused]] bool training) const {
    return 0;
  }
  // The parameters are final: a node may keep a form of its own of them that is faster to read. Called once,
  // before the first run; a frozen node is not trained. True when it needs the arena no more.
  virtual bool freeze([[maybe_unused]] const float* parameters) { return facts().parameters.empty(); }
  // Called by every rank. The program puts a barrier after each call; a node that needs one within calls
  // run.team.barrier() itself, on every rank alike. Must not throw and must not allocate. Without
  // run.training, forward writes nothing but run.outputs and run.scratch: sessions run one node in several
  // threads at once.
  virtual void forward(const NodeRun& run) = 0;
  virtual void backward(const NodeRun& run) = 0;
  // Of a node whose facts say fixed; parameters: the arena, for nodes that are not frozen.
  virtual const void* fixed_output([[maybe_unused]] const float* parameters) const { return nullptr; }
  // True where the node is just a dense layer in float32, or an activation over whole rows, which it then
  // describes. parameters: the arena, for nodes that are not frozen.
  virtual bool as_dense([[maybe_unused]] const float* parameters, [[maybe_unused]] DenseLayer& layer) const {
    return false;
  }
  virtual bool as_activation([[maybe_unused]] ActivationArgs& activation) const { return false; }
  // A frozen node joins a step that ends with its input, so that a single row takes both in one go; only a
  // product begins one. False, and the step as it was, where it can't.
  virtual bool join([[maybe_unused]] RowStep& step) const { return false; }
};

// An op without a derivative.
class InferenceNode : public Node {
 public:
  NodeFacts facts() const final {
    NodeFacts facts = inference_facts();
    facts.gradient = GradientFlow::unknown;
    facts.backward_reads_inputs = facts.backward_reads_outputs = false;
    return facts;
  }
  void backward(const NodeRun&) final {}

 protected:
  virtual NodeFacts inference_facts() const { return {}; }
};

using NodeFactory = std::unique_ptr<Node> (*)(const NodeSpec&);
// Throws std::invalid_argument naming the known ops.
NodeFactory find_node_factory(const std::string& op);

}  // namespace hotloop
