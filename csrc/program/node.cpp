#include "program/node.h"

#include "base/names.h"
#include "program/op_list.h"

namespace hotloop {
namespace {

const NodeSpec::Attribute& find_attribute(const NodeSpec& spec, const std::string& name) {
  const auto found = spec.attributes.find(name);
  require(found != spec.attributes.end(), spec.op, ": attribute '", name, "' is missing");
  return found->second;
}

}  // namespace

std::int64_t NodeSpec::integer(const std::string& name) const {
  const Attribute& value = find_attribute(*this, name);
  require(std::holds_alternative<std::int64_t>(value), op, ": attribute '", name, "' must be an integer");
  return std::get<std::int64_t>(value);
}
std::int64_t NodeSpec::integer(const std::string& name, std::int64_t otherwise) const {
  return attributes.count(name) ? integer(name) : otherwise;
}

double NodeSpec::real(const std::string& name) const {
  const Attribute& value = find_attribute(*this, name);
  if (std::holds_alternative<std::int64_t>(value)) return static_cast<double>(std::get<std::int64_t>(value));
  require(std::holds_alternative<double>(value), op, ": attribute '", name, "' must be a number");
  return std::get<double>(value);
}
double NodeSpec::real(const std::string& name, double otherwise) const {
  return attributes.count(name) ? real(name) : otherwise;
}

std::string NodeSpec::text(const std::string& name) const {
  const Attribute& value = find_attribute(*this, name);
  require(std::holds_alternative<std::string>(value), op, ": attribute '", name, "' must be a string");
  return std::get<std::string>(value);
}
std::string NodeSpec::text(const std::string& name, const std::string& otherwise) const {
  return attributes.count(name) ? text(name) : otherwise;
}

std::int64_t NodeSpec::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  require(found != parameters.end(), op, ": parameter '", name, "' is missing");
  return found->second;
}
std::int64_t NodeSpec::parameter(const std::string& name, std::int64_t otherwise) const {
  return parameters.count(name) ? parameter(name) : otherwise;
}

const ConstArray& NodeSpec::array(const std::string& name, DType dtype, std::int64_t size) const {
  const auto found = arrays.find(name);
  require(found != arrays.end(), op, ": array '", name, "' is missing");
  const ConstArray& array = found->second;
  require(array.dtype == dtype && array.size == size, op, ": array '", name, "': expected ", size,
          " elements of ", dtype_name(dtype), ", got ", array.size, " of ", dtype_name(array.dtype));
  return array;
}

NodeFactory find_node_factory(const std::string& op) {
#define HOTLOOP_NAME(name) #name,
#define HOTLOOP_FACTORY(name) &make_##name,
  constexpr const char* kNames[] = {HOTLOOP_PROGRAM_OPS(HOTLOOP_NAME)};
  constexpr NodeFactory kFactories[] = {HOTLOOP_PROGRAM_OPS(HOTLOOP_FACTORY)};
#undef HOTLOOP_NAME
#undef HOTLOOP_FACTORY
  return kFactories[index_of(op.c_str(), kNames, "graph: op")];
}

}  // namespace hotloop
