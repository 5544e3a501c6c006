// Graphs as Python's layers build them.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/names.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/py_graph.h"

namespace hotloop::bind {
namespace {

DType dtype_of(const py::array& a, const std::string& name) {
  if (py::isinstance<py::array_t<float>>(a)) return DType::f32;
  if (py::isinstance<py::array_t<std::uint8_t>>(a)) return DType::u8;
  if (py::isinstance<py::array_t<std::int8_t>>(a)) return DType::i8;
  if (py::isinstance<py::array_t<std::int32_t>>(a)) return DType::i32;
  if (py::isinstance<py::array_t<std::uint16_t>>(a)) return DType::bf16;
  throw py::type_error(message(
      "array '", name, "': expected float32, uint8, int8, int32 or uint16 (bfloat16), got a ", describe(a)));
}

// A sequence of whole numbers, or of numbers.
NodeSpec::Attribute to_list(const std::string& name, const py::sequence& list) {
  bool whole = true;
  for (const py::handle& item : list) {
    const bool integer = py::isinstance<py::int_>(item) && !py::isinstance<py::bool_>(item);
    whole = whole && integer;
    if (!integer && !py::isinstance<py::float_>(item))
      throw py::type_error(message("attribute '", name, "': expected a list of numbers, got one with a ",
                                   py::str(py::type::of(item)).cast<std::string>()));
  }
  if (whole) return list.cast<NodeSpec::Integers>();
  return list.cast<NodeSpec::Reals>();
}

NodeSpec::Attribute to_attribute(const std::string& name, const py::handle& value) {
  if (py::isinstance<py::bool_>(value)) return std::int64_t{value.cast<bool>()};
  if (py::isinstance<py::int_>(value)) return value.cast<std::int64_t>();
  if (py::isinstance<py::float_>(value)) return value.cast<double>();
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value))
    return to_list(name, value.cast<py::sequence>());
  throw py::type_error(message("attribute '", name,
                               "': expected an int, a float, a string or a list of numbers, got ",
                               py::str(py::type::of(value)).cast<std::string>()));
}

// A program runs the very nodes of its graph, perhaps at this moment.
void require_open(const PyGraph& graph) {
  require(!graph.taken, "Graph: it belongs to a program already, so nothing can be added");
}

// One output as a number, several as a tuple.
using ValueOrValues = py::typing::Union<py::int_, py::typing::Tuple<py::int_, py::ellipsis>>;

ValueOrValues add_node(PyGraph& self, const std::string& op, const std::vector<ValueId>& inputs,
                       const py::dict& attributes, const std::map<std::string, std::int64_t>& parameters,
                       const std::map<std::string, py::array>& arrays) {
  require_open(self);
  NodeSpec spec;
  spec.op = op;
  for (const auto& [key, value] : attributes) {
    const auto name = key.cast<std::string>();
    spec.attributes.emplace(name, to_attribute(name, value));
  }
  spec.parameters = parameters;
  for (const auto& [name, array] : arrays) {
    require(is_contiguous(array), op, ": array '", name, "' must be C-contiguous");
    spec.arrays[name] = {array.data(), array.size(), dtype_of(array, name)};
  }
  const std::vector<ValueId> ids = self.graph->add_node(std::move(spec), inputs);
  for (const auto& [name, array] : arrays) self.kept.push_back(array);
  if (ids.size() == 1) return py::int_(ids[0]);
  return py::tuple(py::cast(ids));
}

// A sample's shape, or its size where it is flat.
using ShapeOrSize = std::variant<std::int64_t, std::vector<std::int64_t>>;
Shape to_shape(const ShapeOrSize& shape) {
  if (const auto* size = std::get_if<std::int64_t>(&shape)) return {*size};
  const auto& axes = std::get<std::vector<std::int64_t>>(shape);
  return Shape(axes.begin(), axes.end());
}

ValueId add_input(PyGraph& self, const ShapeOrSize& shape, const std::string& dtype) {
  require_open(self);
  constexpr const char* kNames[] = {"float32", "int32"};
  const DType known = index_of(dtype.c_str(), kNames, "graph input: dtype") == 0 ? DType::f32 : DType::i32;
  return self.graph->add_input({to_shape(shape), known});
}

ValueId reshape(PyGraph& self, ValueId id, const ShapeOrSize& shape) {
  require_open(self);
  return self.graph->reshape(id, to_shape(shape));
}

}  // namespace

void bind_graph(py::module_& module) {
  py::class_<PyGraph>(module, "Graph", py::module_local(),
                      "Nodes in the order in which they run, over values of rows of samples.")
      .def(py::init<>())
      .def(
          "input", &add_input, py::arg("shape"), py::arg("dtype") = "float32",
          "A value that calls give: rows of samples of this shape (or so many numbers). float32 takes bytes\n"
          "too, which become float32; int32 is handed on as it is.")
      .def(
          "add", &add_node, py::arg("op"), py::arg("inputs"), py::arg("attributes") = py::dict(),
          py::arg("parameters") = std::map<std::string, std::int64_t>(),
          py::arg("arrays") = std::map<std::string, py::array>(),
          "Append a node; its value, or a tuple where it has several. An attribute, parameter or array that\n"
          "the op does not read is refused.")
      .def("reshape", &reshape, py::arg("value"), py::arg("shape"),
           "The same numbers as samples of another shape: another value, but no node and no memory.")
      .def(
          "features", [](const PyGraph& self, ValueId id) { return self.graph->value(id).features(); },
          py::arg("value"))
      .def(
          "dtype",
          [](const PyGraph& self, ValueId id) {
            return std::string(dtype_name(self.graph->value(id).dtype));
          },
          py::arg("value"))
      .def(
          "shape",
          [](const PyGraph& self, ValueId id) -> py::typing::Tuple<py::int_, py::ellipsis> {
            const Shape& shape = self.graph->value(id).shape;
            return py::tuple(py::cast(std::vector<std::int64_t>(shape.begin(), shape.end())));
          },
          py::arg("value"), "Of one sample.")
      .def(
          "batched", [](const PyGraph& self, ValueId id) { return self.graph->value(id).batched; },
          py::arg("value"), "False for a value that has no row for each sample: a weight, a constant.");
}

}  // namespace hotloop::bind
