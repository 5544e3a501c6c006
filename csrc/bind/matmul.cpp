// NumPy's matmul on C-contiguous float32 arrays of two dimensions or more, and its gradients.
#include "ops/gemm/matmul.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <vector>

#include "base/aligned_buffer.h"
#include "bind/arrays.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "bind/threads.h"

namespace hotloop::bind {
namespace {

Matmul matmul_of(const Operand& a, const Operand& b, const Operand& c, bool transpose_a, bool transpose_b) {
  const int axes = static_cast<int>(c.ndim());
  require(
      a.ndim() >= 2 && b.ndim() >= 2 && axes == std::max(a.ndim(), b.ndim()) && axes <= kMostProductAxes + 2,
      "c: expected as many axes as a or b, 2 to ", kMostProductAxes + 2, ", got a ", describe(c), " for a ",
      describe(a), " and a ", describe(b));
  const auto from_end = [](const Operand& x, int axis) {  // 1 where there is none
    return axis <= x.ndim() ? x.shape(x.ndim() - axis) : 1;
  };
  Matmul p;
  p.transpose_a = transpose_a, p.transpose_b = transpose_b;
  p.m = from_end(a, transpose_a ? 1 : 2), p.k = from_end(a, transpose_a ? 2 : 1);
  p.n = from_end(b, transpose_b ? 2 : 1);
  require(from_end(b, transpose_b ? 1 : 2) == p.k && from_end(c, 2) == p.m && from_end(c, 1) == p.n,
          "matmul: expected matrices that fit, got a ", describe(a), " and a ", describe(b), " for a ",
          describe(c));
  std::vector<std::int64_t> steps_a, steps_b;
  std::int64_t next_a = p.m * p.k, next_b = p.k * p.n;
  for (int axis = 3; axis <= axes; ++axis) {
    const std::int64_t size_a = from_end(a, axis), size_b = from_end(b, axis);
    require((size_a == size_b || size_a == 1 || size_b == 1) && from_end(c, axis) == std::max(size_a, size_b),
            "matmul: expected leading axes that broadcast, got a ", describe(a), " and a ", describe(b),
            " for a ", describe(c));
    steps_a.push_back(size_a == 1 ? 0 : next_a), steps_b.push_back(size_b == 1 ? 0 : next_b);
    next_a *= size_a, next_b *= size_b;
  }
  for (int axis = axes; axis >= 3; --axis)
    p.add(from_end(c, axis), steps_a[static_cast<std::size_t>(axis - 3)],
          steps_b[static_cast<std::size_t>(axis - 3)]);
  return p;
}

template <class Run>
void on_team(const Matmul& p, std::int64_t made, bool gradients, Run run) {
  const Unlocked released;
  const std::int64_t floats = matmul_workspace(p, gradients);
  const int threads = threads_for(made * p.k);
  const AlignedBuffer workspace(threads * floats * size_of(DType::f32));
  run_team(threads, [&](Team& team) {
    run(workspace.as<float>() + team.rank() * floats, team.share());
    team.barrier();
  });
}

void run_matmul(const Operand& a, const Operand& b, Operand c, bool transpose_a, bool transpose_b) {
  const Matmul p = matmul_of(a, b, c, transpose_a, transpose_b);
  const float *left = contiguous_data<float>(a, "a"), *right = contiguous_data<float>(b, "b");
  float* made = writable_data<float>(c, "c");
  on_team(p, c.size(), false,
          [&](float* workspace, Share share) { matmul(p, left, right, made, workspace, share); });
}

void run_backward(const Operand& a, const Operand& b, const Operand& dc, Operand da, Operand db,
                  bool transpose_a, bool transpose_b, bool accumulate) {
  const Matmul p = matmul_of(a, b, dc, transpose_a, transpose_b);
  const float *left = contiguous_data<float>(a, "a"), *right = contiguous_data<float>(b, "b"),
              *gradient = contiguous_data<float>(dc, "dc");
  require_size(da, a.size(), "da"), require_size(db, b.size(), "db");
  float *to_a = writable_data<float>(da, "da"), *to_b = writable_data<float>(db, "db");
  on_team(p, dc.size(), true, [&](float* workspace, Share share) {
    matmul_gradient_a(p, right, gradient, to_a, accumulate, workspace, share);
    matmul_gradient_b(p, left, gradient, to_b, accumulate, workspace, share);
  });
}

}  // namespace

void bind_matmul(py::module_& module) {
  module.def("matmul", &run_matmul, py::arg("a"), py::arg("b"), py::arg("c"), py::arg("transpose_a") = false,
             py::arg("transpose_b") = false,
             "c = a @ b, of which either may lie with its last axes swapped.");
  module.def("matmul_backward", &run_backward, py::arg("a"), py::arg("b"), py::arg("dc"), py::arg("da"),
             py::arg("db"), py::arg("transpose_a") = false, py::arg("transpose_b") = false,
             py::arg("accumulate") = false);
#ifndef HOTLOOP_CUDA_HALF  // the witnesses read and write on the host
  module.def(
      "matmul_ref",
      [](const py::array& a, const py::array& b, py::array c, bool transpose_a, bool transpose_b) {
        const Matmul p = matmul_of(a, b, c, transpose_a, transpose_b);
        matmul_ref(p, contiguous_data<float>(a, "a"), contiguous_data<float>(b, "b"),
                   writable_data<float>(c, "c"));
      },
      py::arg("a"), py::arg("b"), py::arg("c"), py::arg("transpose_a") = false,
      py::arg("transpose_b") = false);
  module.def(
      "matmul_gradients_ref",
      [](const py::array& a, const py::array& b, const py::array& dc, py::array da, py::array db,
         bool transpose_a, bool transpose_b) {
        const Matmul p = matmul_of(a, b, dc, transpose_a, transpose_b);
        require_size(da, a.size(), "da"), require_size(db, b.size(), "db");
        matmul_gradients_ref(p, contiguous_data<float>(a, "a"), contiguous_data<float>(b, "b"),
                             contiguous_data<float>(dc, "dc"), writable_data<double>(da, "da"),
                             writable_data<double>(db, "db"));
      },
      py::arg("a"), py::arg("b"), py::arg("dc"), py::arg("da"), py::arg("db"), py::arg("transpose_a") = false,
      py::arg("transpose_b") = false, "Adds to da and db, which are float64.");
#endif
}

}  // namespace hotloop::bind
