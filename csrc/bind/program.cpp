// Programs: arrays are checked here, then the work runs with the GIL released.
#include "program/program.h"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/plain_rows.h"
#include "bind/py_feed.h"
#include "bind/py_graph.h"
#include "bind/py_hook.h"
#include "bind/py_profile.h"

namespace hotloop::bind {
namespace {

using Stretches = std::vector<std::pair<std::int64_t, std::int64_t>>;
using MaybeArrays = std::optional<Arrays>;

std::vector<Stretch> to_stretches(const Stretches& pairs) {
  std::vector<Stretch> out;
  for (const auto& [offset, size] : pairs) out.push_back({offset, size});
  return out;
}

template <class T>
T get(const py::dict& options, const char* name, T otherwise) {
  return options.contains(name) ? options[name].cast<T>() : otherwise;
}

void refuse_unread(const py::dict& loss) {
  static const std::set<std::string> read{"output", "loss",   "fuse",      "from_logits", "label_smoothing",
                                          "delta",  "weight", "positions", "sum"};
  for (const auto& [name, value] : loss)
    require(read.count(name.cast<std::string>()) != 0, "loss: got attribute '", name.cast<std::string>(),
            "', which no loss reads");
}

class PyProgram {
 public:
  PyProgram(PyGraph& graph, std::vector<ValueId> outputs, Operand parameters, Maybe gradients)
      : kept_{parameters}, arrays_(graph.kept) {
    require(!graph.taken, "Program: this graph belongs to another program already; build a graph for each");
    float* values = writable_data<float>(parameters, "parameters");
    float* grads = nullptr;
    if (gradients) {
      grads = writable_data<float>(*gradients, "gradients");
      require_size(*gradients, parameters.size(), "gradients");
      kept_.push_back(*gradients);
    }
    program_ = std::make_unique<Program>(graph.graph, std::move(outputs), values, grads, parameters.size());
    graph.taken = true;
  }

  void set_loss(const std::vector<py::dict>& losses) {
    std::vector<HeadSpec> heads;
    for (const py::dict& options : losses) {
      refuse_unread(options);
      HeadSpec head;
      head.output = options["output"].cast<ValueId>();
      head.loss = loss_from_name(options["loss"].cast<std::string>().c_str());
      head.fuse = get(options, "fuse", false);
      head.from_logits = get(options, "from_logits", false);
      head.label_smoothing = get(options, "label_smoothing", 0.0f);
      head.delta = get(options, "delta", 1.0f);
      head.weight = get(options, "weight", 1.0f);
      head.positions = get(options, "positions", std::int64_t{1});
      head.sum = get(options, "sum", false);
      heads.push_back(head);
    }
    const Unlocked released;
    program_->set_loss(std::move(heads));
  }

  void set_optimizer(const py::dict& options, const std::vector<Maybe>& slots, const Stretches& variables,
                     const std::vector<std::tuple<std::int64_t, std::int64_t, float, float>>& regularizers,
                     const Stretches& decay_excluded, float global_clipnorm, float clipnorm,
                     float clip_value) {
    UpdateSpec spec;
    OptimizerArgs& args = spec.optimizer;
    args.kind = optimizer_from_name(options["kind"].cast<std::string>().c_str());
    args.momentum = get(options, "momentum", 0.0f);
    args.nesterov = get(options, "nesterov", false);
    args.rho = get(options, "rho", args.rho);
    args.centered = get(options, "centered", false);
    args.beta_1 = get(options, "beta_1", args.beta_1);
    args.beta_2 = get(options, "beta_2", args.beta_2);
    args.amsgrad = get(options, "amsgrad", false);
    args.epsilon = get(options, "epsilon", args.epsilon);
    args.weight_decay = get(options, "weight_decay", 0.0f);
    args.clip_value = clip_value;
    require(slots.size() == kOptimizerSlots, "slots: expected ", kOptimizerSlots, " arrays or None, got ",
            slots.size());
    std::vector<Operand> kept;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!slots[i]) continue;
      Operand slot = *slots[i];
      spec.slots[i] = writable_data<float>(slot, "slot");
      require_size(slot, kept_[0].size(), "slot");
      kept.push_back(slot);
    }
    spec.variables = to_stretches(variables);
    spec.undecayed = to_stretches(decay_excluded);
    for (const auto& [offset, size, l1, l2] : regularizers)
      spec.regularizers.push_back({{offset, size}, l1, l2});
    spec.global_clipnorm = global_clipnorm;
    spec.clipnorm = clipnorm;
    {
      const Unlocked released;
      program_->set_update(std::move(spec));
    }
    slots_ = std::move(kept);
  }

  void predict(const Arrays& inputs, const Arrays& outputs, int threads) {
    const Feed feed = make_feed(program_->graph(), inputs);
    require(!outputs.empty(), "outputs: expected arrays to write to, got none");
    const std::vector<float*> out = to_pointers(outputs, feed.rows);
    PyHook hook(py::none{});
    {
      const Unlocked released;
      program_->predict({feed, out, hook.native()}, threads);
    }
    hook.rethrow();
  }

  // From here on predict_rows knows samples of these shapes, in the one input and the one output there are.
  void set_shapes(PlainRows::Shape input, PlainRows::Shape output) {
    const Graph& graph = program_->graph();
    require(graph.inputs().size() == 1 && program_->outputs().size() == 1,
            "set_shapes: expected a program of one input and one output");
    plain_.emplace(graph.value(graph.inputs()[0]), graph.value(program_->outputs()[0]), std::move(input),
                   std::move(output));
  }

  py::object predict_rows(py::handle x, bool allow_nonfinite) {
    require(plain_.has_value(), "predict_rows: call set_shapes first");
    return plain_->run(x, py::none(), allow_nonfinite, 0,
                       [this](const InferRequest& request) { return program_->predict(request, 0); });
  }

  double evaluate(const Arrays& inputs, const MaybeEach& targets, const MaybeArrays& weights,
                  const Arrays& outputs, int threads) {
    const Feed feed = make_feed(program_->graph(), inputs, targets, weights.value_or(Arrays()));
    const std::vector<float*> out = to_pointers(outputs, feed.rows);
    PyHook hook(py::none{});
    double loss = 0;
    {
      const Unlocked released;
      loss = program_->evaluate({feed, out, hook.native()}, threads);
    }
    hook.rethrow();
    return loss;
  }

  py::tuple train(const Arrays& inputs, const MaybeEach& targets, const MaybeArrays& weights,
                  const HostMaybe& order, std::int64_t batch_size, std::int64_t first_step,
                  std::int64_t steps, const py::array& learning_rates, std::int64_t iteration,
                  std::uint64_t seed, const Arrays& outputs, const py::object& hook_function,
                  bool stop_on_nan, double loss_before, std::int64_t rows_before, int threads) {
    result_ = {};
    result_.loss_sum = loss_before;
    TrainRequest request = train_request(inputs, targets, weights, order, batch_size, first_step, steps,
                                         learning_rates, threads);
    request.iteration = iteration;
    request.seed = seed;
    if (!outputs.empty()) request.outputs = to_pointers(outputs, request.feed.rows);
    request.stop_on_nan = stop_on_nan;
    request.loss_before = loss_before;
    request.rows_before = rows_before;
    PyHook hook(hook_function);
    request.hook = hook.native();
    TrainResult result;
    {
      const Running running(running_, result);
      const Unlocked released;
      program_->train(request, result);
    }
    result_ = result;
    hook.rethrow();
    return to_tuple(result);
  }

  // Trains, so give it a copy of a model.
  py::tuple profile_train(const Arrays& inputs, const MaybeEach& targets, const MaybeArrays& weights,
                          const HostMaybe& order, std::int64_t batch_size, std::int64_t steps,
                          const py::array& learning_rates, std::int64_t iteration, std::uint64_t seed,
                          int threads) {
    TrainRequest request =
        train_request(inputs, targets, weights, order, batch_size, 0, steps, learning_rates, threads);
    request.iteration = iteration;
    request.seed = seed;
    require(steps >= 1 && threads >= 1, "profile: expected at least one step and thread, got ", steps,
            " and ", threads);
    StepTimer timer;
    request.timer = &timer;
    PyHook hook(py::none{});
    request.hook = hook.native();
    std::vector<StepPart> parts;
    {
      const Unlocked released;
      TrainResult result;
      program_->train(request, result);
      parts = program_->training_parts(request.feed, std::min(batch_size, request.feed.rows));
    }
    hook.rethrow();
    return to_python(parts, timer);
  }

  py::tuple profile_predict(const Arrays& inputs, std::int64_t calls, int threads) {
    return profile_forward(*program_, inputs, calls, threads);
  }

  py::tuple done() const { return to_tuple(running_ != nullptr ? *running_ : result_); }

 private:
  // While a call trains its hook may ask how far it is; a call from within that hook is refused, and ends
  // first.
  class Running {
   public:
    Running(const TrainResult*& place, const TrainResult& result)
        : place_(place), before_(std::exchange(place, &result)) {}
    ~Running() { place_ = before_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    const TrainResult*& place_;
    const TrainResult* before_;
  };

  static py::tuple to_tuple(const TrainResult& result) {
    return py::make_tuple(result.steps, result.loss_sum, result.rows);
  }

  std::vector<float*> to_pointers(const Arrays& outputs, std::int64_t rows) const {
    return output_pointers(program_->graph(), program_->outputs(), outputs, rows);
  }

  TrainRequest train_request(const Arrays& inputs, const MaybeEach& targets, const MaybeArrays& weights,
                             const HostMaybe& order, std::int64_t batch_size, std::int64_t first_step,
                             std::int64_t steps, const py::array& learning_rates, int threads) const {
    TrainRequest request;
    request.feed = make_feed(program_->graph(), inputs, targets, weights.value_or(Arrays()), order);
    require(batch_size >= 1, "batch_size: expected at least 1, got ", batch_size);
    require(first_step >= 0 && steps >= 0 &&
                (steps == 0 || first_step + steps - 1 <= (request.feed.rows - 1) / batch_size),
            "steps: ", steps, " steps of ", batch_size, " rows from step ", first_step,
            " on go beyond the data's ", request.feed.rows, " rows");
    request.batch_size = batch_size;
    request.first_step = first_step;
    request.steps = steps;
    request.learning_rates = contiguous_data<float>(learning_rates, "learning_rates");
    require_size(learning_rates, steps, "learning_rates");
    request.threads = threads;
    return request;
  }

  std::unique_ptr<Program> program_;
  std::optional<PlainRows> plain_;
  std::vector<Operand> kept_, slots_;  // what the program points into
  std::vector<py::array> arrays_;      // and its nodes
  TrainResult result_;                 // of the last train call
  const TrainResult* running_ = nullptr;
};

}  // namespace

void bind_program(py::module_& module) {
  py::class_<PyProgram>(module, "Program", py::module_local(),
                        "A graph with its arenas: predicts, evaluates and trains in one call each.")
      .def(py::init<PyGraph&, std::vector<ValueId>, Operand, Maybe>(), py::arg("graph"), py::arg("outputs"),
           py::arg("parameters"), py::arg("gradients") = py::none())
      .def("set_loss", &PyProgram::set_loss, py::arg("heads"),
           "The losses, a dict each: output (a value) and loss (a name of kernels.losses), and fuse,\n"
           "from_logits, label_smoothing, delta, weight and positions where they are not the defaults.\n"
           "evaluate and train take a target for each, in this order: None for the loss 'values', where\n"
           "the output is the loss of each position already and its mean is what is minimised.")
      .def("set_optimizer", &PyProgram::set_optimizer, py::arg("options"), py::arg("slots"),
           py::arg("variables"),
           py::arg("regularizers") = std::vector<std::tuple<std::int64_t, std::int64_t, float, float>>(),
           py::arg("decay_excluded") = Stretches(), py::arg("global_clipnorm") = 0.0f,
           py::arg("clipnorm") = 0.0f, py::arg("clip_value") = 0.0f)
      .def("predict", &PyProgram::predict, py::arg("inputs"), py::arg("outputs"), py::arg("threads") = 0)
      .def("set_shapes", &PyProgram::set_shapes, py::arg("input"), py::arg("output"),
           "Tell predict_rows the shapes of one sample.")
      .def("predict_rows", &PyProgram::predict_rows, py::arg("x"), py::arg("allow_nonfinite"),
           "The results for a plain array of rows; None where it takes conversions, or an error.")
      .def("evaluate", &PyProgram::evaluate, py::arg("inputs"), py::arg("targets"),
           py::arg("weights") = py::none(), py::arg("outputs") = Arrays(), py::arg("threads") = 0)
      .def("train", &PyProgram::train, py::arg("inputs"), py::arg("targets"), py::arg("weights"),
           py::arg("order"), py::arg("batch_size"), py::arg("first_step"), py::arg("steps"),
           py::arg("learning_rates"), py::arg("iteration"), py::arg("seed"), py::arg("outputs") = Arrays(),
           py::arg("hook") = py::none(), py::arg("stop_on_nan") = false, py::arg("loss_before") = 0.0,
           py::arg("rows_before") = 0, py::arg("threads") = 0)
      .def("profile_train", &PyProgram::profile_train, py::arg("inputs"), py::arg("targets"),
           py::arg("weights"), py::arg("order"), py::arg("batch_size"), py::arg("steps"),
           py::arg("learning_rates"), py::arg("iteration"), py::arg("seed"), py::arg("threads"),
           "Trains, and gives (what each part of a step is, seconds of steps x parts).")
      .def("profile_predict", &PyProgram::profile_predict, py::arg("inputs"), py::arg("calls"),
           py::arg("threads"), "The same of forward passes over all rows at once.")
      .def_property_readonly("done", &PyProgram::done,
                             "What the last train call returned, or would have but for an exception.");
}

}  // namespace hotloop::bind
