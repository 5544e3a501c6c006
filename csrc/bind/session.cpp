// Frozen sessions.
#include "program/session.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
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

// Multiply-adds from which a call gives the GIL away: some microseconds' worth. Measured with two threads
// that do nothing else, calls of 3 us lose a fifth by it, and calls of 10 us gain a half.
constexpr double kWorthUnlocking = 3e5;

class PySession {
 public:
  PySession(PyGraph& graph, std::vector<ValueId> outputs, const Operand& parameters,
            const std::vector<PlainRows::Shape>& input_shapes,
            const std::vector<PlainRows::Shape>& output_shapes, std::int64_t rows, int threads)
      : arrays_(graph.kept) {
    require(!graph.taken, "Session: this graph belongs to a program already; build a graph for each");
    session_ = std::make_unique<Session>(graph.graph, std::move(outputs),
                                         contiguous_data<float>(parameters, "parameters"), parameters.size(),
                                         rows, threads);
    settle();  // whichever stream runs it first
    graph.taken = true;
    const Graph& made = session_->graph();
    if (input_shapes.size() == 1 && output_shapes.size() == 1 && made.inputs().size() == 1 &&
        session_->outputs().size() == 1)
      plain_.emplace(made.value(made.inputs()[0]), made.value(session_->outputs()[0]), input_shapes[0],
                     output_shapes[0]);
  }

  py::object run_rows(py::handle x, py::handle out, bool allow_nonfinite) {
    if (!plain_) return py::none();
    return plain_->run(x, out, allow_nonfinite, kWorthUnlocking / session_->graph().work(1),
                       [this](const InferRequest& request) { return session_->run(request); });
  }

  void run(const Arrays& inputs, const Arrays& outputs) {
    const Feed feed = make_feed(session_->graph(), inputs);
    require(!outputs.empty(), "outputs: expected arrays to write to, got none");
    const std::vector<float*> out =
        output_pointers(session_->graph(), session_->outputs(), outputs, feed.rows);
    PyHook hook(py::none{});
    {
      const Unlocked released;
      session_->run({feed, out, hook.native()});
    }
    hook.rethrow();
  }

  py::tuple profile_predict(const Arrays& inputs, std::int64_t calls, int threads) {
    return profile_forward(*session_, inputs, calls, threads);
  }

 private:
  std::unique_ptr<Session> session_;
  std::optional<PlainRows> plain_;
  std::vector<py::array> arrays_;  // what nodes point into
};

}  // namespace

void bind_session(py::module_& module) {
  py::class_<PySession>(module, "Session", py::module_local(),
                        "A graph with final weights, which any number of threads may run at once.")
      .def(py::init<PyGraph&, std::vector<ValueId>, const Operand&, const std::vector<PlainRows::Shape>&,
                    const std::vector<PlainRows::Shape>&, std::int64_t, int>(),
           py::arg("graph"), py::arg("outputs"), py::arg("parameters"), py::arg("input_shapes"),
           py::arg("output_shapes"), py::arg("rows") = 1, py::arg("threads") = 0)
      .def("run_rows", &PySession::run_rows, py::arg("x"), py::arg("out"), py::arg("allow_nonfinite"),
           "The results for a plain array of rows; None where it takes conversions, or an error.")
      .def("run", &PySession::run, py::arg("inputs"), py::arg("outputs"))
      .def("profile_predict", &PySession::profile_predict, py::arg("inputs"), py::arg("calls"),
           py::arg("threads"), "What each part of a forward pass is, and seconds of calls x parts.");
}

}  // namespace hotloop::bind
