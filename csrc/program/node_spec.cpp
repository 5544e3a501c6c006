#include "program/node_spec.h"

#include "base/error.h"

namespace hotloop {
namespace {

template <class Map>
void refuse_others(const std::string& op, const char* what, const Map& given,
                   const std::set<std::string>& read) {
  for (const auto& [name, value] : given) {
    if (read.count(name) != 0) continue;
    std::string known;
    for (const std::string& other : read) known.append(known.empty() ? "" : ", ").append(other);
    throw std::invalid_argument(message(op, ": got ", what, " '", name,
                                        "', which the op does not read; here it ",
                                        known.empty() ? "reads none" : "reads " + known));
  }
}

}  // namespace

const NodeSpec::Attribute& NodeSpec::attribute(const std::string& name) const {
  read_attributes_.insert(name);
  const auto found = attributes.find(name);
  require(found != attributes.end(), op, ": attribute '", name, "' is missing");
  return found->second;
}

std::int64_t NodeSpec::integer(const std::string& name) const {
  const Attribute& value = attribute(name);
  require(std::holds_alternative<std::int64_t>(value), op, ": attribute '", name, "' must be an integer");
  return std::get<std::int64_t>(value);
}
std::int64_t NodeSpec::integer(const std::string& name, std::int64_t otherwise) const {
  read_attributes_.insert(name);
  return has_attribute(name) ? integer(name) : otherwise;
}

double NodeSpec::real(const std::string& name) const {
  const Attribute& value = attribute(name);
  if (std::holds_alternative<std::int64_t>(value)) return static_cast<double>(std::get<std::int64_t>(value));
  require(std::holds_alternative<double>(value), op, ": attribute '", name, "' must be a number");
  return std::get<double>(value);
}
double NodeSpec::real(const std::string& name, double otherwise) const {
  read_attributes_.insert(name);
  return has_attribute(name) ? real(name) : otherwise;
}

std::optional<double> NodeSpec::optional_real(const std::string& name) const {
  read_attributes_.insert(name);
  return has_attribute(name) ? std::optional(real(name)) : std::nullopt;
}

std::string NodeSpec::text(const std::string& name) const {
  const Attribute& value = attribute(name);
  require(std::holds_alternative<std::string>(value), op, ": attribute '", name, "' must be a string");
  return std::get<std::string>(value);
}
std::string NodeSpec::text(const std::string& name, const std::string& otherwise) const {
  read_attributes_.insert(name);
  return has_attribute(name) ? text(name) : otherwise;
}

NodeSpec::Integers NodeSpec::integers(const std::string& name) const {
  const Attribute& value = attribute(name);
  require(std::holds_alternative<Integers>(value), op, ": attribute '", name, "' must be a list of integers");
  return std::get<Integers>(value);
}
NodeSpec::Integers NodeSpec::integers(const std::string& name, const Integers& otherwise) const {
  read_attributes_.insert(name);
  return has_attribute(name) ? integers(name) : otherwise;
}

NodeSpec::Reals NodeSpec::reals(const std::string& name) const {
  const Attribute& value = attribute(name);
  if (std::holds_alternative<Integers>(value)) {
    const Integers& whole = std::get<Integers>(value);
    return {whole.begin(), whole.end()};
  }
  require(std::holds_alternative<Reals>(value), op, ": attribute '", name, "' must be a list of numbers");
  return std::get<Reals>(value);
}
NodeSpec::Reals NodeSpec::reals(const std::string& name, const Reals& otherwise) const {
  read_attributes_.insert(name);
  return has_attribute(name) ? reals(name) : otherwise;
}

Shape NodeSpec::shape(const std::string& name) const {
  const Integers axes = integers(name);
  const Shape shape(axes.begin(), axes.end());
  require(shape.is_sound(kMostFeatures), op, ": attribute '", name,
          "': expected axes from 1 on, and at most ", kMostFeatures, " numbers in all, got ", shape);
  return shape;
}

std::int64_t NodeSpec::parameter(const std::string& name) const {
  read_parameters_.insert(name);
  const auto found = parameters.find(name);
  require(found != parameters.end(), op, ": parameter '", name, "' is missing");
  return found->second;
}
std::int64_t NodeSpec::parameter(const std::string& name, std::int64_t otherwise) const {
  read_parameters_.insert(name);
  return parameters.count(name) ? parameter(name) : otherwise;
}

const ConstArray& NodeSpec::array(const std::string& name) const {
  read_arrays_.insert(name);
  const auto found = arrays.find(name);
  require(found != arrays.end(), op, ": array '", name, "' is missing");
  return found->second;
}

const ConstArray& NodeSpec::array(const std::string& name, DType dtype, std::int64_t size) const {
  const ConstArray& array = this->array(name);
  require(array.dtype == dtype && array.size == size, op, ": array '", name, "': expected ", size,
          " elements of ", dtype_name(dtype), ", got ", array.size, " of ", dtype_name(array.dtype));
  return array;
}

const float* NodeSpec::optional_floats(const std::string& name, std::int64_t size) const {
  read_arrays_.insert(name);
  return has_array(name) ? static_cast<const float*>(array(name, DType::f32, size).data) : nullptr;
}

void NodeSpec::refuse_unread() const {
  refuse_others(op, "attribute", attributes, read_attributes_);
  refuse_others(op, "parameter", parameters, read_parameters_);
  refuse_others(op, "array", arrays, read_arrays_);
}

}  // namespace hotloop
