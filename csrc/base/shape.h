// The shape of a value: sizes of a few axes, without a heap.
#pragma once
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "base/error.h"

namespace hotloop {

class Shape {
 public:
  static constexpr int kMostAxes = 8;

  constexpr Shape() = default;  // of a single number
  Shape(std::initializer_list<std::int64_t> axes) : Shape(axes.begin(), axes.end()) {}
  // Throws std::invalid_argument for more than kMostAxes axes.
  template <class Iterator>
  Shape(Iterator begin, Iterator end) {
    for (; begin != end; ++begin) push_back(*begin);
  }

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  std::int64_t operator[](int axis) const { return axes_[axis]; }
  std::int64_t& operator[](int axis) { return axes_[axis]; }
  const std::int64_t* begin() const { return axes_; }
  const std::int64_t* end() const { return axes_ + rank_; }
  void push_back(std::int64_t size) {
    require(rank_ < kMostAxes, "shape: expected at most ", kMostAxes, " axes");
    axes_[rank_++] = size;
  }
  // The numbers there are: 1 for no axes.
  std::int64_t size() const {
    std::int64_t product = 1;
    for (const std::int64_t axis : *this) product *= axis;
    return product;
  }
  // Whether every axis and their product are from 1 to `most` (at most 2^31).
  bool is_sound(std::int64_t most) const {
    std::int64_t product = 1;
    for (const std::int64_t axis : *this) {
      if (axis < 1 || axis > most) return false;
      product *= axis;
      if (product > most) return false;
    }
    return true;
  }
  // The size of the last axis; 1 where there is none.
  std::int64_t last() const { return empty() ? 1 : axes_[rank_ - 1]; }
  // The same shape with another size of its last axis.
  Shape with_last(std::int64_t size) const {
    Shape other = *this;
    if (other.empty()) return {size};
    other.axes_[rank_ - 1] = size;
    return other;
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::int64_t axes_[kMostAxes] = {};
  int rank_ = 0;
};

// As Python writes it: (), (3,), (2, 3).
inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '(';
  for (int axis = 0; axis < shape.rank(); ++axis) out << (axis > 0 ? ", " : "") << shape[axis];
  return out << (shape.rank() == 1 ? ",)" : ")");
}

}  // namespace hotloop
