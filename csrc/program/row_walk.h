// How a session takes a single row through frozen layers: nodes that follow each other become one step each,
// settled before the first run.
#pragma once
#include <vector>

#include "ops/gemm/one_row_gemm.h"

namespace hotloop {

class Graph;
struct Schedule;

// A product and the elementwise nodes behind it.
struct RowStep {
  OneRowGemm product;
  void (*run)(const OneRowGemm& product, const float* x, float* y) = nullptr;  // null: there is none yet
};

// Part of a walk: a step from one value to another, or (run is null) a node as it is.
struct RowPart {
  RowStep step;
  int node;
  int input, output;  // values
};

// The nodes of the schedule in order. What is read after a step keeps its memory until the step is over.
std::vector<RowPart> make_row_walk(const Graph& graph, Schedule& schedule);

}  // namespace hotloop
