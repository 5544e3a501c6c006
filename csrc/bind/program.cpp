// Programs: arrays are checked here, then the work runs with the GIL released.
#include "program/program.h"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/py_graph.h"
#include "bind/py_hook.h"

namespace hotloop::bind {
namespace {

using Arrays = std::vector<py::array>;
using Stretches = std::vector<std::pair<std::int64_t, std::int64_t>>;

std::vector<Stretch> to_stretches(const Stretches& pairs) {
  std::vector<Stretch> out;
  for (const auto& [offset, size] : pairs) out.push_back({offset, size});
  return out;
}

template <class T>
T get(const py::dict& options, const char* name, T otherwise) {
  return options.contains(name) ? options[name].cast<T>() : otherwise;
}

class PyProgram {
 public:
  PyProgram(PyGraph& graph, std::vector<ValueId> outputs, py::array parameters, Maybe gradients)
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
      HeadSpec head;
      head.output = options["output"].cast<ValueId>();
      head.loss = loss_from_name(options["loss"].cast<std::string>().c_str());
      head.fuse = get(options, "fuse", false);
      head.from_logits = get(options, "from_logits", false);
      head.label_smoothing = get(options, "label_smoothing", 0.0f);
      head.delta = get(options, "delta", 1.0f);
      head.weight = get(options, "weight", 1.0f);
      head.positions = get(options, "positions", std::int64_t{1});
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
    std::vector<py::array> kept;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!slots[i]) continue;
      py::array slot = *slots[i];
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
    const Feed feed = make_feed(inputs, {}, std::nullopt, std::nullopt);
    require(!outputs.empty(), "outputs: expected arrays to write to, got none");
    const std::vector<float*> out = output_pointers(outputs, feed.rows);
    PyHook hook(py::none{});
    {
      const Unlocked released;
      program_->predict(feed, out, threads, hook.native());
    }
    hook.rethrow();
  }

  double evaluate(const Arrays& inputs, const Arrays& targets, const Maybe& weights, const Arrays& outputs,
                  int threads) {
    const Feed feed = make_feed(inputs, targets, weights, std::nullopt);
    const std::vector<float*> out = output_pointers(outputs, feed.rows);
    PyHook hook(py::none{});
    double loss = 0;
    {
      const Unlocked released;
      loss = program_->evaluate(feed, out, threads, hook.native());
    }
    hook.rethrow();
    return loss;
  }

  py::tuple train(const Arrays& inputs, const Arrays& targets, const Maybe& weights, const Maybe& order,
                  std::int64_t batch_size, std::int64_t first_step, std::int64_t steps,
                  const py::array& learning_rates, std::int64_t iteration, std::uint64_t seed,
                  const Arrays& outputs, const py::object& hook_function, bool stop_on_nan, int threads) {
    steps_done_ = 0;
    TrainRequest request;
    request.feed = make_feed(inputs, targets, weights, order);
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
    request.iteration = iteration;
    request.seed = seed;
    if (!outputs.empty()) request.outputs = output_pointers(outputs, request.feed.rows);
    request.stop_on_nan = stop_on_nan;
    request.threads = threads;
    PyHook hook(hook_function);
    request.hook = hook.native();
    TrainResult result;
    {
      const Unlocked released;
      result = program_->train(request);
    }
    steps_done_ = result.steps;
    hook.rethrow();
    return py::make_tuple(result.steps, result.loss_sum, result.rows);
  }

  std::int64_t steps_done() const { return steps_done_; }

 private:
  // One row for each entry of the first axis. What the values are for is checked where they are used.
  static Column to_column(const py::array& a, const char* what, DType other) {
    Column column;
    const bool f32 = py::isinstance<py::array_t<float>>(a);
    const bool is_other = other == DType::u8 ? py::isinstance<py::array_t<std::uint8_t>>(a)
                                             : py::isinstance<py::array_t<std::int32_t>>(a);
    require((f32 || is_other) && is_contiguous(a) && a.ndim() >= 1, what,
            ": expected a C-contiguous array of rows of float32 or ", dtype_name(other), ", got a ",
            describe(a));
    column.data = a.data();
    column.dtype = f32 ? DType::f32 : other;
    column.row_size = 1;
    for (py::ssize_t axis = 1; axis < a.ndim(); ++axis) column.row_size *= a.shape(axis);
    return column;
  }

  Feed make_feed(const Arrays& inputs, const Arrays& targets, const Maybe& weights,
                 const Maybe& order) const {
    const Graph& graph = program_->graph();
    Feed feed;
    require(inputs.size() == graph.inputs().size(), "inputs: expected ", graph.inputs().size(),
            " arrays, got ", inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      feed.inputs.push_back(to_column(inputs[i], "inputs", DType::u8));
      const std::int64_t features = graph.value(graph.inputs()[i]).features;
      require(feed.inputs[i].row_size == features, "inputs: expected ", features, " elements a row, got a ",
              describe(inputs[i]));
    }
    const std::int64_t rows = inputs[0].shape(0);
    for (const py::array& a : targets) feed.targets.push_back(to_column(a, "targets", DType::i32));
    for (const py::array& a : inputs) require(a.shape(0) == rows, "inputs: the arrays differ in their rows");
    for (const py::array& a : targets)
      require(a.shape(0) == rows, "targets: expected ", rows, " rows as in the inputs, got ", a.shape(0));
    feed.weights = optional_data<float>(weights, rows, "weights");
    feed.rows = rows;
    if (order) {
      feed.rows = order->size();
      feed.order = contiguous_data<std::int32_t>(*order, "order");
      for (std::int64_t i = 0; i < feed.rows; ++i)
        require(feed.order[i] >= 0 && feed.order[i] < rows, "order: ", feed.order[i],
                " is not a row of the data");
    }
    return feed;
  }

  std::vector<float*> output_pointers(const Arrays& outputs, std::int64_t rows) const {
    const std::vector<ValueId>& ids = program_->outputs();
    std::vector<float*> pointers;
    require(outputs.empty() || outputs.size() == ids.size(), "outputs: expected ", ids.size(),
            " arrays, got ", outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      py::array out = outputs[i];
      pointers.push_back(writable_data<float>(out, "outputs"));
      require_size(out, rows * program_->graph().value(ids[i]).features, "outputs");
    }
    return pointers;
  }

  std::unique_ptr<Program> program_;
  std::vector<py::array> kept_, slots_, arrays_;  // what the program points into
  std::int64_t steps_done_ = 0;
};

}  // namespace

void bind_program(py::module_& module) {
  py::class_<PyProgram>(module, "Program",
                        "A graph with its arenas: predicts, evaluates and trains in one call each.")
      .def(py::init<PyGraph&, std::vector<ValueId>, py::array, Maybe>(), py::arg("graph"), py::arg("outputs"),
           py::arg("parameters"), py::arg("gradients") = py::none())
      .def("set_loss", &PyProgram::set_loss, py::arg("heads"))
      .def("set_optimizer", &PyProgram::set_optimizer, py::arg("options"), py::arg("slots"),
           py::arg("variables"),
           py::arg("regularizers") = std::vector<std::tuple<std::int64_t, std::int64_t, float, float>>(),
           py::arg("decay_excluded") = Stretches(), py::arg("global_clipnorm") = 0.0f,
           py::arg("clipnorm") = 0.0f, py::arg("clip_value") = 0.0f)
      .def("predict", &PyProgram::predict, py::arg("inputs"), py::arg("outputs"), py::arg("threads") = 0)
      .def("evaluate", &PyProgram::evaluate, py::arg("inputs"), py::arg("targets"),
           py::arg("weights") = py::none(), py::arg("outputs") = Arrays(), py::arg("threads") = 0)
      .def("train", &PyProgram::train, py::arg("inputs"), py::arg("targets"), py::arg("weights"),
           py::arg("order"), py::arg("batch_size"), py::arg("first_step"), py::arg("steps"),
           py::arg("learning_rates"), py::arg("iteration"), py::arg("seed"), py::arg("outputs") = Arrays(),
           py::arg("hook") = py::none(), py::arg("stop_on_nan") = false, py::arg("threads") = 0)
      .def_property_readonly("steps_done", &PyProgram::steps_done,
                             "Whole steps of the last train call, also when it ended in an exception.");
}

}  // namespace hotloop::bind
