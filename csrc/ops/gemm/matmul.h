// Many products of matrices in one go, with their gradients: C[l] = op(A[l]) op(B[l]).
#pragma once
#include <cstdint>

#include "base/types.h"

namespace hotloop {

constexpr int kMostProductAxes = 8;

// Each op(A[l]) is m x k and each op(B[l]) is k x n, row by row one behind the other; op transposes where
// asked to. l goes through some axes, along which A and B have their steps, in numbers: none where one matrix
// is for all. Those of C, which has a matrix for each l, follow.
struct Matmul {
  std::int64_t m = 1, n = 1, k = 1;
  bool transpose_a = false, transpose_b = false;
  int axes = 0;
  std::int64_t size[kMostProductAxes] = {}, a[kMostProductAxes] = {}, b[kMostProductAxes] = {};
  void add(std::int64_t count, std::int64_t step_a, std::int64_t step_b) {
    size[axes] = count, a[axes] = step_a, b[axes++] = step_b;
  }
};

// Sums go in ascending order of k, and those of the gradient of a matrix that is for several l in ascending
// order of l: gemm's chains. workspace: as many floats of this rank's own, 64-byte aligned.
void matmul(const Matmul& p, const float* a, const float* b, float* c, float* workspace, Share share);
// da = (or +=) what dc comes to; likewise db. Ranks share out a gradient in other ways than the other one: a
// team meets between two that go to the same place.
void matmul_gradient_a(const Matmul& p, const float* b, const float* dc, float* da, bool accumulate,
                       float* workspace, Share share);
void matmul_gradient_b(const Matmul& p, const float* a, const float* dc, float* db, bool accumulate,
                       float* workspace, Share share);
std::int64_t matmul_workspace(const Matmul& p, bool gradients);

// The slow witnesses: the same sums in double.
void matmul_ref(const Matmul& p, const float* a, const float* b, float* c);
void matmul_gradients_ref(const Matmul& p, const float* a, const float* b, const float* dc, double* da,
                          double* db);

}  // namespace hotloop
