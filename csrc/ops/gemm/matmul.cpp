#include "ops/gemm/matmul.h"

#include <algorithm>

#include "ops/gemm/gemm.h"

namespace hotloop {
namespace {

// A list of products of one shape: the first, and how far the operands of the next ones are along each axis.
// A result may belong to several of them, which are then added up.
struct Products {
  GemmArgs first;
  int axes = 0;
  std::int64_t size[kMostProductAxes], a[kMostProductAxes], b[kMostProductAxes], c[kMostProductAxes];

  std::int64_t count() const {
    std::int64_t all = 1;
    for (int i = 0; i < axes; ++i) all *= size[i];
    return all;
  }
  bool adds_up() const { return std::find(c, c + axes, 0) != c + axes; }

  // Goes behind the axes there are, or makes the last one longer.
  void add(std::int64_t count, std::int64_t step_a, std::int64_t step_b, std::int64_t step_c) {
    if (count == 1) return;
    const int last = axes - 1;
    if (axes > 0 && a[last] == step_a * count && b[last] == step_b * count && c[last] == step_c * count)
      size[last] *= count;
    else
      size[axes++] = count;
    a[axes - 1] = step_a, b[axes - 1] = step_b, c[axes - 1] = step_c;
  }

  // One product instead of those along the last axis: of more rows where they lie one behind the other and
  // are multiplied by the same matrix, of longer sums where these go on. The chains stay the same.
  bool fold() {
    if (axes == 0) return false;
    const int last = axes - 1;
    GemmArgs& g = first;
    if (b[last] == 0 && a[last] == g.m * g.a_row && c[last] == g.m * g.c_row)
      g.m *= size[last];
    else if (c[last] == 0 && a[last] == g.k * g.a_col && b[last] == g.k * g.b_row)
      g.k *= size[last];
    else
      return false;
    axes = last;
    return true;
  }
};

GemmArgs product(std::int64_t m, std::int64_t n, std::int64_t k) {
  GemmArgs args;
  args.m = m, args.n = n, args.k = k, args.c_row = n;
  return args;
}

// Element [i, j] of op(A) and of op(B) is so far from the first.
struct Layout {
  std::int64_t row, col;
};
Layout layout_a(const Matmul& p) { return p.transpose_a ? Layout{1, p.m} : Layout{p.k, 1}; }
Layout layout_b(const Matmul& p) { return p.transpose_b ? Layout{1, p.k} : Layout{p.n, 1}; }

// What a list of products takes from A, B and C (or its gradient): which is the left operand, the right one,
// and the result.
enum class Takes { a, b, c };

Products products_of(const Matmul& p, const GemmArgs& first, Takes left, Takes right, Takes result) {
  Products all;
  all.first = first;
  std::int64_t step_c[kMostProductAxes], next = p.m * p.n;
  for (int i = p.axes - 1; i >= 0; --i) step_c[i] = next, next *= p.size[i];
  for (int i = 0; i < p.axes; ++i) {
    const std::int64_t steps[] = {p.a[i], p.b[i], step_c[i]};
    const auto of = [&](Takes which) { return steps[static_cast<int>(which)]; };
    all.add(p.size[i], of(left), of(right), of(result));
  }
  while (all.fold()) {
  }
  return all;
}

Products forward(const Matmul& p) {
  GemmArgs args = product(p.m, p.n, p.k);
  args.a_row = layout_a(p).row, args.a_col = layout_a(p).col;
  args.b_row = layout_b(p).row, args.b_col = layout_b(p).col;
  return products_of(p, args, Takes::a, Takes::b, Takes::c);
}

// dA = dC B', or dA' = B dC' where A lies transposed: the columns of what a product makes are neighbours.
Products gradient_a(const Matmul& p) {
  const Layout b = layout_b(p);
  if (p.transpose_a) {
    GemmArgs args = product(p.k, p.m, p.n);
    args.a_row = b.row, args.a_col = b.col, args.b_row = 1, args.b_col = p.n;
    return products_of(p, args, Takes::b, Takes::c, Takes::a);
  }
  GemmArgs args = product(p.m, p.k, p.n);
  args.a_row = p.n, args.b_row = b.col, args.b_col = b.row;
  return products_of(p, args, Takes::c, Takes::b, Takes::a);
}

// dB = A' dC, or dB' = dC' A where B lies transposed.
Products gradient_b(const Matmul& p) {
  const Layout a = layout_a(p);
  if (p.transpose_b) {
    GemmArgs args = product(p.n, p.k, p.m);
    args.a_row = 1, args.a_col = p.n, args.b_row = a.row, args.b_col = a.col;
    return products_of(p, args, Takes::c, Takes::a, Takes::b);
  }
  GemmArgs args = product(p.k, p.n, p.m);
  args.a_row = a.col, args.a_col = a.row, args.b_row = p.n;
  return products_of(p, args, Takes::a, Takes::c, Takes::b);
}

void multiply(const Products& all, const float* a, const float* b, float* c, bool accumulate,
              float* workspace, Share share) {
  // Ranks take products by themselves while there are enough, else their part of each; always that where
  // products are added up, so that each rank goes on with its own sums.
  const std::int64_t count = all.count();
  const bool apart = !all.adds_up() && count >= share.size;
  const Range mine = apart ? share.of(count) : Range{0, count};
  for (std::int64_t l = mine.begin; l < mine.end; ++l) {
    GemmArgs args = all.first;
    args.a = a, args.b = b, args.c = c, args.accumulate = accumulate;
    std::int64_t rest = l;
    for (int i = all.axes - 1; i >= 0; --i) {
      const std::int64_t index = rest % all.size[i];
      rest /= all.size[i];
      args.a += index * all.a[i], args.b += index * all.b[i], args.c += index * all.c[i];
      if (all.c[i] == 0 && index > 0) args.accumulate = true;
    }
    gemm(args, workspace, apart ? Share{} : share);
  }
}

}  // namespace

void matmul(const Matmul& p, const float* a, const float* b, float* c, float* workspace, Share share) {
  multiply(forward(p), a, b, c, false, workspace, share);
}

void matmul_gradient_a(const Matmul& p, const float* b, const float* dc, float* da, bool accumulate,
                       float* workspace, Share share) {
  multiply(gradient_a(p), p.transpose_a ? b : dc, p.transpose_a ? dc : b, da, accumulate, workspace, share);
}

void matmul_gradient_b(const Matmul& p, const float* a, const float* dc, float* db, bool accumulate,
                       float* workspace, Share share) {
  multiply(gradient_b(p), p.transpose_b ? dc : a, p.transpose_b ? a : dc, db, accumulate, workspace, share);
}

std::int64_t matmul_workspace(const Matmul& p, bool gradients) {
  std::int64_t floats = gemm_workspace(forward(p).first);
  if (gradients)
    floats = std::max({floats, gemm_workspace(gradient_a(p).first), gemm_workspace(gradient_b(p).first)});
  return floats;
}

}  // namespace hotloop
