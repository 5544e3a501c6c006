#include "bind/py_feed.h"

namespace hotloop::bind {
namespace {

// Rows of one type, or of another where there are two.
Column to_column(const Operand& a, const char* what, DType wanted, DType other) {
  const auto is = [&](DType dtype) {
    switch (dtype) {
      case DType::u8:
        return py::isinstance<py::array_t<std::uint8_t>>(a);
      case DType::i32:
        return py::isinstance<py::array_t<std::int32_t>>(a);
      default:
        return py::isinstance<py::array_t<float>>(a);
    }
  };
  Column column;
  column.dtype = is(wanted) ? wanted : other;
  require(is(column.dtype) && is_contiguous(a) && a.ndim() >= 1, what,
          ": expected a C-contiguous array of rows of ", dtype_name(wanted), other == wanted ? "" : " or ",
          other == wanted ? "" : dtype_name(other), ", got a ", describe(a));
  column.data = a.data();
  column.row_size = 1;
  for (py::ssize_t axis = 1; axis < a.ndim(); ++axis) column.row_size *= a.shape(axis);
  return column;
}

}  // namespace

Feed make_feed(const Graph& graph, const Arrays& inputs, const MaybeEach& targets, const Arrays& weights,
               const HostMaybe& order) {
  Feed feed;
  require(inputs.size() == graph.inputs().size(), "inputs: expected ", graph.inputs().size(), " arrays, got ",
          inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ValueSpec& value = graph.value(graph.inputs()[i]);
    feed.inputs.push_back(
        to_column(inputs[i], "inputs", value.dtype, value.dtype == DType::f32 ? DType::u8 : value.dtype));
    const std::int64_t features = value.features();
    require(feed.inputs[i].row_size == features, "inputs: expected ", features, " elements a row, got a ",
            describe(inputs[i]));
  }
  const std::int64_t rows = inputs[0].shape(0);
  for (const Maybe& a : targets)
    feed.targets.push_back(a ? to_column(*a, "targets", DType::f32, DType::i32) : Column());
  for (const Operand& a : inputs) require(a.shape(0) == rows, "inputs: the arrays differ in their rows");
  for (const Maybe& a : targets)
    require(!a || a->shape(0) == rows, "targets: expected ", rows, " rows as in the inputs, got ",
            a ? a->shape(0) : 0);
  for (const Operand& a : weights) feed.weights.push_back(to_column(a, "weights", DType::f32, DType::f32));
  for (const Operand& a : weights)
    require(a.shape(0) == rows, "weights: expected ", rows, " rows as in the inputs, got ", a.shape(0));
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

std::vector<float*> output_pointers(const Graph& graph, const std::vector<ValueId>& ids,
                                    const Arrays& outputs, std::int64_t rows) {
  std::vector<float*> pointers;
  require(outputs.empty() || outputs.size() == ids.size(), "outputs: expected ", ids.size(), " arrays, got ",
          outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Operand out = outputs[i];
    const bool integers = graph.value(ids[i]).dtype == DType::i32;
    // Who writes copies 32 bits.
    pointers.push_back(integers ? reinterpret_cast<float*>(writable_data<std::int32_t>(out, "outputs"))
                                : writable_data<float>(out, "outputs"));
    require_size(out, rows * graph.value(ids[i]).features(), "outputs");
  }
  return pointers;
}

}  // namespace hotloop::bind
