// Reductions of float32 arrays of three dimensions along the middle one.
#include "ops/reduce/reduce.h"

#include <pybind11/pybind11.h>

#include <limits>
#include <string>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

ReduceShape shape_of(const Operand& x, const Operand& y, const char* name, bool not_empty) {
  require(x.ndim() == 3, "x: expected three dimensions, got a ", describe(x));
  const ReduceShape shape{x.shape(0), x.shape(1), x.shape(2)};
  require(y.ndim() == 2 && y.shape(0) == shape.outer && y.shape(1) == shape.inner, name, ": expected shape (",
          shape.outer, ", ", shape.inner, "), got a ", describe(y));
  require(!not_empty || (shape.n > 0 && shape.n <= std::numeric_limits<std::int32_t>::max()),
          "x: expected 1 to 2^31 - 1 numbers to find the largest of, got ", shape.n);
  return shape;
}

template <class Run>
void on_team(const ReduceShape& shape, Run run) {
  const Unlocked released;
  run_team(threads_for(shape.outer * shape.n * shape.inner), [&](Team& team) { run(team.share()); });
}

bool finds(Reduction kind) { return kind == Reduction::max || kind == Reduction::min; }

}  // namespace

void bind_reduce(py::module_& module) {
  const auto define_forward = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const std::string& kind, const Operand& x, Operand y) {
          const Reduction reduction = reduction_from_name(kind.c_str());
          const ReduceShape shape = shape_of(x, y, "y", finds(reduction));
          const float* from = contiguous_data<float>(x, "x");
          float* to = writable_data<float>(y, "y");
          run(reduction, shape, from, to);
        },
        py::arg("kind"), py::arg("x"), py::arg("y"));
  };
  define_forward("reduce_forward", [](Reduction kind, const ReduceShape& shape, const float* x, float* y) {
    on_team(shape, [&](Share share) { reduce_forward(kind, shape, x, y, share); });
  });
  define_forward("reduce_forward_ref", &reduce_forward_ref);
  const auto define_backward = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const std::string& kind, const Operand& x, const Operand& dy, Operand dx, bool accumulate) {
          const Reduction reduction = reduction_from_name(kind.c_str());
          const ReduceShape shape = shape_of(x, dy, "dy", finds(reduction));
          require_size(dx, x.size(), "dx");
          const float *from = contiguous_data<float>(x, "x"), *gradient = contiguous_data<float>(dy, "dy");
          float* to = writable_data<float>(dx, "dx");
          run(reduction, shape, from, gradient, to, accumulate);
        },
        py::arg("kind"), py::arg("x"), py::arg("dy"), py::arg("dx"), py::arg("accumulate") = false);
  };
  define_backward("reduce_backward", [](Reduction kind, const ReduceShape& shape, const float* x,
                                        const float* dy, float* dx, bool accumulate) {
    on_team(shape, [&](Share share) { reduce_backward(kind, shape, x, dy, dx, accumulate, share); });
  });
  define_backward("reduce_backward_ref", &reduce_backward_ref);
  const auto define_argmax = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const Operand& x, Operand y) {
          const ReduceShape shape = shape_of(x, y, "y", true);
          const float* from = contiguous_data<float>(x, "x");
          std::int32_t* to = writable_data<std::int32_t>(y, "y");
          run(shape, from, to);
        },
        py::arg("x"), py::arg("y"));
  };
  define_argmax("argmax", [](const ReduceShape& shape, const float* x, std::int32_t* y) {
    on_team(shape, [&](Share share) { argmax(shape, x, y, share); });
  });
  define_argmax("argmax_ref", &argmax_ref);
}

}  // namespace hotloop::bind
