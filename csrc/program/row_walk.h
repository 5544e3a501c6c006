// How a session takes a single row through frozen layers: nodes that follow each other become one step each,
// settled before the first run.
#pragma once
#include <vector>

#include "ops/gemm/one_row_gemm.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {

class Graph;
struct Schedule;

// A product in float32 and the elementwise nodes behind it, or one in int8.
struct RowStep {
  OneRowGemm product;  // without b: there is none
  GemmInt8Args int8;
  void (*run)(const RowStep& step, const void* x, void* y) = nullptr;  // null: there is neither yet
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
