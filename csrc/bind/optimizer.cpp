// Optimizer steps in place on float32 arrays, and the sums that clipping and regularisation need.
#include "ops/optimizer/optimizer.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

using Slots = std::vector<Maybe>;

std::array<float*, kOptimizerSlots> slot_data(const OptimizerArgs& args, Slots& slots, std::int64_t n) {
  std::array<float*, kOptimizerSlots> data{};
  constexpr const char* kNames[kOptimizerSlots] = {"slots[0]", "slots[1]", "slots[2]"};
  slots.resize(kOptimizerSlots);
  for (std::size_t k = 0; k < data.size(); ++k) data[k] = optional_output<float>(slots[k], n, kNames[k]);
  require_slots(args, data.data());
  return data;
}

template <class Run>
void define_step(py::module_& module, const char* name, Run run) {
  module.def(
      name,
      [run](const std::string& kind, Operand w, const Operand& g, Slots slots, float learning_rate,
            float momentum, bool nesterov, float rho, bool centered, float beta_1, float beta_2, bool amsgrad,
            float epsilon, float weight_decay, float gradient_scale, float clip_value, std::int64_t step) {
        require(step >= 1, "step: expected 1 or more, got ", step);
        const OptimizerArgs args{.kind = optimizer_from_name(kind.c_str()),
                                 .learning_rate = learning_rate,
                                 .momentum = momentum,
                                 .nesterov = nesterov,
                                 .rho = rho,
                                 .centered = centered,
                                 .beta_1 = beta_1,
                                 .beta_2 = beta_2,
                                 .amsgrad = amsgrad,
                                 .epsilon = epsilon,
                                 .weight_decay = weight_decay,
                                 .gradient_scale = gradient_scale,
                                 .clip_value = clip_value,
                                 .step = step};
        float* weights = writable_data<float>(w, "w");
        const float* gradients = contiguous_data<float>(g, "g");
        const std::int64_t n = w.size();
        require_size(g, n, "g");
        const auto state = slot_data(args, slots, n);
        const Unlocked released;
        run(args, weights, gradients, state.data(), n);
      },
      py::arg("kind"), py::arg("w"), py::arg("g"), py::arg("slots") = Slots{}, py::kw_only(),
      py::arg("learning_rate") = 0.01f, py::arg("momentum") = 0.0f, py::arg("nesterov") = false,
      py::arg("rho") = 0.9f, py::arg("centered") = false, py::arg("beta_1") = 0.9f,
      py::arg("beta_2") = 0.999f, py::arg("amsgrad") = false, py::arg("epsilon") = 1e-7f,
      py::arg("weight_decay") = 0.0f, py::arg("gradient_scale") = 1.0f, py::arg("clip_value") = 0.0f,
      py::arg("step") = 1);
}

template <class Kernel>
void define_sum(py::module_& module, const char* name, Kernel kernel) {
  module.def(
      name,
      [kernel](const Operand& x) {
        const float* data = contiguous_data<float>(x, "x");
        const std::int64_t n = x.size();
        py::array_t<float> result((n + kSumBlock - 1) / kSumBlock);
        float* const here = result.mutable_data();
        const std::int64_t bytes = result.nbytes();
        const Unlocked released;
        const AlignedBuffer partial(bytes);
        run_team(threads_for(n, kWorthMoving),
                 [&](Team& team) { kernel(data, n, partial.as<float>(), team.share()); });
        copy_block(here, partial.as<void>(), bytes);
        settle();
        return result;
      },
      py::arg("x"), "One sum for each block of 4096 elements.");
}

}  // namespace

void bind_optimizer(py::module_& module) {
  define_step(module, "optimizer_step",
              [](const OptimizerArgs& args, float* w, const float* g, float* const* slots, std::int64_t n) {
                run_team(threads_for(n, kWorthMoving),
                         [&](Team& team) { optimizer_step(args, w, g, slots, n, team.share()); });
              });
  define_step(module, "optimizer_ref", &optimizer_ref);
  define_sum(module, "sum_squares_blocks", &sum_squares_blocks);
  define_sum(module, "sum_absolute_blocks", &sum_absolute_blocks);
  module.def(
      "add_regularizer_gradient",
      [](const Operand& w, Operand g, float l1, float l2) {
        const float* weights = contiguous_data<float>(w, "w");
        float* gradients = writable_data<float>(g, "g");
        const std::int64_t n = w.size();
        require_size(g, n, "g");
        const Unlocked released;
        run_team(threads_for(n, kWorthMoving),
                 [&](Team& team) { add_regularizer_gradient(weights, gradients, l1, l2, n, team.share()); });
      },
      py::arg("w"), py::arg("g"), py::arg("l1"), py::arg("l2"), "g += 2 l2 w + l1 sign(w), in place.");
}

}  // namespace hotloop::bind
