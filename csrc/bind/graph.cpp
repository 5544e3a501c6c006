// Graphs as Python's layers build them.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <vector>

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

NodeSpec::Attribute to_attribute(const std::string& name, const py::handle& value) {
  if (py::isinstance<py::bool_>(value)) return std::int64_t{value.cast<bool>()};
  if (py::isinstance<py::int_>(value)) return value.cast<std::int64_t>();
  if (py::isinstance<py::float_>(value)) return value.cast<double>();
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  throw py::type_error(message("attribute '", name, "': expected an int, a float or a string, got ",
                               py::str(py::type::of(value)).cast<std::string>()));
}

// A program runs the very nodes of its graph, perhaps at this moment.
void require_open(const PyGraph& graph) {
  require(!graph.taken, "Graph: it belongs to a program already, so nothing can be added");
}

ValueId add_node(PyGraph& self, const std::string& op, std::vector<ValueId> inputs,
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
  const ValueId id = self.graph->add_node(std::move(spec), std::move(inputs));
  for (const auto& [name, array] : arrays) self.kept.push_back(array);
  return id;
}

}  // namespace

void bind_graph(py::module_& module) {
  py::class_<PyGraph>(module, "Graph", py::module_local(),
                      "Nodes in the order in which they run, over values of rows x features.")
      .def(py::init<>())
      .def(
          "input",
          [](PyGraph& self, std::int64_t features) {
            require_open(self);
            return self.graph->add_input(features);
          },
          py::arg("features"))
      .def("add", &add_node, py::arg("op"), py::arg("inputs"), py::arg("attributes") = py::dict(),
           py::arg("parameters") = std::map<std::string, std::int64_t>(),
           py::arg("arrays") = std::map<std::string, py::array>())
      .def(
          "features", [](const PyGraph& self, ValueId id) { return self.graph->value(id).features; },
          py::arg("value"))
      .def(
          "dtype",
          [](const PyGraph& self, ValueId id) {
            return std::string(self.graph->value(id).dtype == DType::u8 ? "uint8" : "float32");
          },
          py::arg("value"));
}

}  // namespace hotloop::bind
