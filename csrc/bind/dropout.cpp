// Dropout on float32 arrays.
#include "ops/dropout/dropout.h"

#include <pybind11/pybind11.h>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

template <class Run>
void define(py::module_& module, const char* name, Run run) {
  module.def(
      name,
      [run](const Operand& x, Operand y, float rate, std::uint64_t seed, std::uint64_t step,
            std::uint32_t stream, bool accumulate) {
        require(rate >= 0.0f && rate <= 1.0f, "rate: expected 0 to 1, got ", rate);
        const float* from = contiguous_data<float>(x, "x");
        float* to = writable_data<float>(y, "y");
        require_size(y, x.size(), "y");
        const std::int64_t n = x.size();
        const Unlocked released;
        run(DropoutArgs{rate, seed, step, stream}, from, to, accumulate, n);
      },
      py::arg("x"), py::arg("y"), py::arg("rate"), py::arg("seed") = 0, py::arg("step") = 0,
      py::arg("stream") = 0, py::arg("accumulate") = false);
}

}  // namespace

void bind_dropout(py::module_& module) {
  define(module, "dropout",
         [](const DropoutArgs& args, const float* x, float* y, bool accumulate, std::int64_t n) {
           run_team(threads_for(n), [&](Team& team) { dropout(args, x, y, accumulate, n, team.share()); });
         });
  define(module, "dropout_ref", &dropout_ref);
}

}  // namespace hotloop::bind
