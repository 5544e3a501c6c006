// A node as the graph describes it, and a book of what its op reads of that.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "program/value.h"

namespace hotloop {

// Offset of a parameter that an op does without.
constexpr std::int64_t kNoParameter = -1;

// Constant memory that the caller who built the graph keeps alive (quantised weights and the like).
struct ConstArray {
  const void* data = nullptr;
  std::int64_t size = 0;  // elements
  DType dtype = DType::f32;
};

// The getters without a default throw std::invalid_argument when it is missing, all of them when it has
// another type. What no getter asked for is refused once the node is made; has_* is no reading.
struct NodeSpec {
  using Integers = std::vector<std::int64_t>;
  using Reals = std::vector<double>;
  using Attribute = std::variant<std::int64_t, double, std::string, Integers, Reals>;
  std::string op;
  std::vector<ValueSpec> inputs;
  std::map<std::string, Attribute> attributes;
  std::map<std::string, std::int64_t> parameters;  // name -> offset in the parameter arena, in floats
  std::map<std::string, ConstArray> arrays;

  bool has_attribute(const std::string& name) const { return attributes.count(name) != 0; }
  bool has_array(const std::string& name) const { return arrays.count(name) != 0; }

  std::int64_t integer(const std::string& name) const;
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  double real(const std::string& name) const;
  double real(const std::string& name, double otherwise) const;
  std::optional<double> optional_real(const std::string& name) const;
  std::string text(const std::string& name) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  Integers integers(const std::string& name) const;
  Integers integers(const std::string& name, const Integers& otherwise) const;
  Reals reals(const std::string& name) const;  // integers too
  Reals reals(const std::string& name, const Reals& otherwise) const;
  Shape shape(const std::string& name) const;             // integers, each axis and their product from 1 on
  std::int64_t parameter(const std::string& name) const;  // required
  std::int64_t parameter(const std::string& name, std::int64_t otherwise) const;
  const ConstArray& array(const std::string& name) const;
  const ConstArray& array(const std::string& name, DType dtype, std::int64_t size) const;  // checked
  // Null where there is none.
  const float* optional_floats(const std::string& name, std::int64_t size) const;

  // What some of an op's kinds read and this one has no use for.
  void ignore_attributes(std::initializer_list<const char*> names) const {
    read_attributes_.insert(names.begin(), names.end());
  }
  // Throws std::invalid_argument naming the first attribute, parameter or array that nothing has asked for.
  void refuse_unread() const;

 private:
  const Attribute& attribute(const std::string& name) const;
  mutable std::set<std::string> read_attributes_, read_parameters_, read_arrays_;
};

}  // namespace hotloop
