// One op of a program: what it is made from, and what it does when the team comes by.
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"
#include "cpu/team.h"
#include "ops/activation/activation.h"
#include "program/row_walk.h"

namespace hotloop {

class HotUpdate;

// A value is one matrix a batch: rows x features, contiguous.
struct ValueSpec {
  std::int64_t features = 0;
  DType dtype = DType::f32;
};
using ValueId = int;
// The widest value: features of two ops may be multiplied without a look at overflow.
constexpr std::int64_t kMostFeatures = std::numeric_limits<std::int32_t>::max();
// Offset of a parameter that an op does without.
constexpr std::int64_t kNoParameter = -1;

// Constant memory that whoever built the graph keeps alive (quantised weights and the like).
struct ConstArray {
  const void* data = nullptr;
  std::int64_t size = 0;  // elements
  DType dtype = DType::f32;
};

// A node as the graph describes it. The getters without a default throw std::invalid_argument when it is
// missing.
struct NodeSpec {
  using Attribute = std::variant<std::int64_t, double, std::string>;
  std::string op;
  std::vector<ValueSpec> inputs;
  std::map<std::string, Attribute> attributes;
  std::map<std::string, std::int64_t> parameters;  // name -> offset in the parameter arena, in floats
  std::map<std::string, ConstArray> arrays;

  std::int64_t integer(const std::string& name) const;
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  double real(const std::string& name) const;
  double real(const std::string& name, double otherwise) const;
  std::string text(const std::string& name) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::int64_t parameter(const std::string& name) const;  // required
  std::int64_t parameter(const std::string& name, std::int64_t otherwise) const;
  const ConstArray& array(const std::string& name, DType dtype, std::int64_t size) const;  // checked
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
  std::int64_t rows;  // of this batch: at most what prepare was told
  bool training;      // batch statistics, dropout
  std::uint64_t seed, step;
  const void* const* inputs;
  void* output;
  float* parameters;           // the arena; a node adds its offsets
  float* parameter_gradients;  // the gradient arena, same offsets
  void* scratch;               // what the node asked for by scratch(): every rank's, lost after the call
  // Backward only:
  const float* output_gradient;
  float* output_gradient_scratch;  // the same memory: a node may overwrite it, it is not read again
  float* const* input_gradients;   // null where nobody wants it
  const char* accumulate;          // per input: add to what is there instead of overwriting
  bool accumulate_parameters;      // the layer is used more than once, and another use came first
  // Not null: a node that updates itself calls this instead of writing its gradients.
  const HotUpdate* hot_update = nullptr;

  template <class T = float>
  const T* in(int i = 0) const {
    return static_cast<const T*>(inputs[i]);
  }
  template <class T = float>
  T* out() const {
    return static_cast<T*>(output);
  }
  // This rank's part of the scratch, where each has as many bytes.
  template <class T = float>
  T* own_scratch(std::int64_t bytes_per_rank) const {
    return reinterpret_cast<T*>(static_cast<char*>(scratch) + team.rank() * bytes_per_rank);
  }
};

class Node {
 public:
  virtual ~Node() = default;
  virtual ValueSpec output() const = 0;
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
  virtual bool freeze([[maybe_unused]] const float* parameters) { return this->parameters().empty(); }
  // Called by every rank. The program puts a barrier after each call; a node that needs one within calls
  // run.team.barrier() itself, on every rank alike. Must not throw and must not allocate. Without
  // run.training, forward writes nothing but run.output and run.scratch: sessions run one node in several
  // threads at once.
  virtual void forward(const NodeRun& run) = 0;
  virtual void backward(const NodeRun& run) = 0;
  // Multiply-adds a row costs forward, roughly: what decides whether a team is worth calling.
  virtual double work_per_row() const { return static_cast<double>(output().features); }
  // True where the node is just a dense layer in float32, or an activation over whole rows, which it then
  // describes. parameters: the arena, for nodes that are not frozen.
  virtual bool as_dense([[maybe_unused]] const float* parameters, [[maybe_unused]] DenseLayer& layer) const {
    return false;
  }
  virtual bool as_activation([[maybe_unused]] ActivationArgs& activation) const { return false; }
  // A frozen node joins a step that ends with its input, so that a single row takes both in one go; only a
  // product begins one. False, and the step as it was, where it can't.
  virtual bool join([[maybe_unused]] RowStep& step) const { return false; }
  // For profiles, which say in program/profile.h how they count: operations of a batch, forward and backward
  // with so many gradients of inputs wanted; in what numbers; and bytes of constants that a run reads.
  virtual double forward_operations(std::int64_t rows) const {
    return static_cast<double>(rows * output().features);
  }
  virtual double backward_operations(std::int64_t rows, int wanted) const {
    return static_cast<double>(rows * output().features * wanted);
  }
  virtual DType arithmetic() const { return DType::f32; }
  virtual double constant_bytes() const { return 0; }
  // What it reads and writes of the arena; the program checks that it lies inside.
  virtual std::vector<Stretch> parameters() const { return {}; }
  // Whether training changes any of it, and which values backward reads: the memory plan keeps only those.
  virtual bool has_trainable_parameters() const { return false; }
  // Whether backward knows how to use run.hot_update, for all of parameters().
  virtual bool updates_itself() const { return false; }
  virtual bool has_gradient() const { return true; }
  virtual bool backward_reads_inputs() const { return true; }
  virtual bool backward_reads_output() const { return true; }
};

// An op through which no gradient goes; a program refuses to train what lies before it.
class InferenceNode : public Node {
 public:
  void backward(const NodeRun&) final {}
  bool has_gradient() const final { return false; }
  bool backward_reads_inputs() const final { return false; }
  bool backward_reads_output() const final { return false; }
};

using NodeFactory = std::unique_ptr<Node> (*)(const NodeSpec&);
// Throws std::invalid_argument naming the known ops.
NodeFactory find_node_factory(const std::string& op);

}  // namespace hotloop
