// Losses with their gradients, on contiguous NumPy arrays.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "ops/loss/loss.h"
#include "program/constants.h"

namespace hotloop::bind {
namespace {

LossArgs options(const std::string& name, bool from_logits, float label_smoothing, float delta,
                 const Operand& prediction) {
  require(prediction.ndim() == 2, "prediction: expected two dimensions, got a ", describe(prediction));
  LossArgs args;
  args.kind = loss_from_name(name.c_str());
  args.from_logits = from_logits;
  args.label_smoothing = label_smoothing;
  args.delta = delta;
  args.rows = prediction.shape(0), args.cols = prediction.shape(1);
  return args;
}

const std::int32_t* labels(const Operand& target, std::int64_t rows, std::int64_t cols) {
  require_size(target, rows, "target");
  const std::int32_t* label = contiguous_data<std::int32_t>(target, "target");
  std::vector<char> keep;
  const std::int32_t* here = fetch(label, rows, keep);
  for (std::int64_t i = 0; i < rows; ++i)
    require(here[i] >= 0 && here[i] < cols, "labels: expected 0 to ", cols - 1, ", got ", here[i], " in row ",
            i);
  return label;
}

template <class Run>
void loss(const std::string& name, const Operand& prediction, const Operand& target, const Maybe& weight,
          Operand row_loss, Maybe gradient, Maybe probability, bool from_logits, float label_smoothing,
          float delta, float gradient_scale, Run run) {
  LossArgs args = options(name, from_logits, label_smoothing, delta, prediction);
  args.prediction = contiguous_data<float>(prediction, "prediction");
  if (args.kind == Loss::sparse_categorical_crossentropy) {
    args.sparse_target = labels(target, args.rows, args.cols);
  } else {
    require_size(target, prediction.size(), "target");
    args.target = contiguous_data<float>(target, "target");
  }
  args.weight = optional_data<float>(weight, args.rows, "weight");
  require_size(row_loss, args.rows, "row_loss");
  args.row_loss = writable_data<float>(row_loss, "row_loss");
  args.gradient = optional_output<float>(gradient, prediction.size(), "gradient");
  args.probability = optional_output<float>(probability, prediction.size(), "probability");
  require(args.probability == nullptr || from_logits, "probability: expected none unless from_logits");
  args.gradient_scale = gradient_scale;
  const Unlocked released;
  run(args);
}

// One row in float64: the loss and its gradient.
py::tuple row_reference(const std::string& name, const Operand& prediction, const Operand& target,
                        bool from_logits, float label_smoothing, float delta) {
  const LossArgs args = options(name, from_logits, label_smoothing, delta, prediction);
  require(args.rows == 1, "prediction: expected one row, got ", args.rows);
  const bool sparse = args.kind == Loss::sparse_categorical_crossentropy;
  if (!sparse) require_size(target, args.cols, "target");
  py::array_t<double> gradient(args.cols);
  const double value =
      loss_row_ref(args, contiguous_data<double>(prediction, "prediction"),
                   sparse ? nullptr : contiguous_data<double>(target, "target"),
                   sparse ? *labels(target, 1, args.cols) : 0, gradient.mutable_data(), nullptr);
  return py::make_tuple(value, gradient);
}

}  // namespace

void bind_loss(py::module_& module) {
  const auto define = [&module](const char* name, auto run) {
    module.def(
        name,
        [run](const std::string& kind, const Operand& prediction, const Operand& target, const Maybe& weight,
              Operand row_loss, Maybe gradient, Maybe probability, bool from_logits, float label_smoothing,
              float delta, float gradient_scale) {
          loss(kind, prediction, target, weight, std::move(row_loss), std::move(gradient),
               std::move(probability), from_logits, label_smoothing, delta, gradient_scale, run);
        },
        py::arg("kind"), py::arg("prediction"), py::arg("target"), py::arg("weight"), py::arg("row_loss"),
        py::arg("gradient") = py::none(), py::arg("probability") = py::none(), py::arg("from_logits") = false,
        py::arg("label_smoothing") = 0.0f, py::arg("delta") = 1.0f, py::arg("gradient_scale") = 1.0f);
  };
  define("loss", [](const LossArgs& args) {
    run_team(threads_for(args.rows * args.cols),
             [&](Team& team) { loss_forward_backward(args, team.share()); });
  });
  define("loss_ref", &loss_ref);
  module.def("loss_row_ref", &row_reference, py::arg("kind"), py::arg("prediction"), py::arg("target"),
             py::arg("from_logits") = false, py::arg("label_smoothing") = 0.0f, py::arg("delta") = 1.0f);
  module.def("losses", [] {
    std::vector<std::string> found;
    for (int i = 0; i <= static_cast<int>(Loss::values); ++i)
      found.emplace_back(loss_name(static_cast<Loss>(i)));
    return found;
  });
}

}  // namespace hotloop::bind
