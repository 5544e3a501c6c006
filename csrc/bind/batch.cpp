// Shuffled orders, gathered rows, and the look for what is not finite, or no class.
#include "ops/batch/batch.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"
#include "program/constants.h"

namespace hotloop::bind {
namespace {

py::array shuffled(std::uint64_t seed, std::uint64_t epoch, std::int64_t n) {
  require(n >= 0 && n <= std::numeric_limits<std::int32_t>::max(), "n: expected 0 to 2147483647 rows, got ",
          n);
  py::array_t<std::int32_t> order(n);
  std::int32_t* data = order.mutable_data();
  const Unlocked released;
  shuffled_order(seed, epoch, n, data);
  return order;
}

template <class From, class To, class Gather>
void gather(const Operand& source, Operand& out, const Maybe& index, std::int64_t first, Gather kernel) {
  const From* from = contiguous_data<From>(source, "source");
  To* to = writable_data<To>(out, "out");
  require(source.ndim() == 2 && out.ndim() == 2 && source.shape(1) == out.shape(1),
          "out: expected rows as long as source's, got a ", describe(out), " for a ", describe(source));
  const std::int64_t rows = out.shape(0), row_size = out.shape(1);
  const std::int32_t* chosen = nullptr;
  if (index) {
    chosen = contiguous_data<std::int32_t>(*index, "index");
    require_size(*index, rows, "index");
    std::vector<char> keep;
    const std::int32_t* numbers = fetch(chosen, rows, keep);
    for (std::int64_t i = 0; i < rows; ++i)
      require(numbers[i] >= 0 && numbers[i] < source.shape(0), "index: expected rows 0 to ",
              source.shape(0) - 1, ", got ", numbers[i]);
  } else {
    require(first >= 0 && first <= source.shape(0) - rows, "first: expected ", rows, " rows from here among ",
            source.shape(0), ", got ", first);
  }
  const Unlocked released;
  run_team(threads_for(rows * row_size, kWorthMoving),
           [&](Team& team) { kernel(from, row_size, chosen, first, rows, to, team.share()); });
}

// Nothing where one of them is no class. Labels lie in the CPU's memory on either half.
template <class T>
py::object as_classes(const py::array& labels, std::int64_t classes) {
  const std::int64_t n = labels.size(), rows = labels.shape(0);
  const T* from = static_cast<const T*>(labels.data());
  py::array_t<std::int32_t> numbers({rows, n / rows});
  std::int32_t* to = numbers.mutable_data();
  bool good = true;
  {
    const Unlocked released;
    for (std::int64_t i = 0; i < n; ++i) {
      good &= from[i] >= 0 && from[i] < classes;
      to[i] = static_cast<std::int32_t>(from[i]);
    }
  }
  return good ? py::object(std::move(numbers)) : py::none();
}

py::object class_numbers(const py::array& labels, std::int64_t classes) {
  const bool aligned = (labels.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
  if (labels.size() == 0 || !aligned || !is_contiguous(labels)) return py::none();
  if (py::isinstance<py::array_t<std::int32_t>>(labels)) return as_classes<std::int32_t>(labels, classes);
  if (py::isinstance<py::array_t<std::int64_t>>(labels)) return as_classes<std::int64_t>(labels, classes);
  return py::none();
}

}  // namespace

void bind_batch(py::module_& module) {
  module.def("shuffled_order", &shuffled, py::arg("seed"), py::arg("epoch"), py::arg("n"),
             "A permutation of 0..n-1 (int32) that depends on seed and epoch alone.");
  module.def(
      "gather_rows",
      [](const Operand& source, Operand out, const Maybe& index, std::int64_t first) {
        if (py::isinstance<py::array_t<std::uint8_t>>(source))
          gather<std::uint8_t, float>(source, out, index, first, &gather_rows_u8);
        else if (py::isinstance<py::array_t<std::int32_t>>(source))
          gather<std::int32_t, std::int32_t>(source, out, index, first, &gather_rows_i32);
        else
          gather<float, float>(source, out, index, first, &gather_rows_f32);
      },
      py::arg("source"), py::arg("out"), py::arg("index") = py::none(), py::arg("first") = 0,
      "out[r] = source[index[r]], or source[first + r]; uint8 becomes float32.");
  module.def(
      "all_finite",
      [](const Operand& x) {
        const float* data = contiguous_data<float>(x, "x");
        const std::int64_t n = x.size();
        const Unlocked released;
        return all_finite(data, n);
      },
      py::arg("x"), "Whether a float32 array holds neither NaN nor infinity.");
  module.def(
      "class_numbers", &class_numbers, py::arg("labels"), py::arg("classes"),
      "Whole numbers from 0 to classes - 1 as int32 (rows, numbers a row); None where some are others, or "
      "labels are no contiguous int32 or int64.");
}

}  // namespace hotloop::bind
