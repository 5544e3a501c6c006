// What the parts of a step have to do, counted: a profile puts their times beside it.
//
// Operations: those of matrix products, a multiply and an add being two; other ops count one an element that
// they make, whatever the formula, and an optimizer 2 + 5 for each number of its state a parameter.
// Bytes: the compulsory traffic. Each operand is read once and each result written once (read too where it is
// added to), parameters and constants included; what a kernel packs, spills or reads again is its own fault.
// Working set: the same operands, each counted once.
#pragma once
#include <cstdint>
#include <vector>

#include "base/types.h"
#include "ops/loss/loss.h"
#include "program/buffers.h"

namespace hotloop {

struct StepPart {
  enum class Phase { gather, forward, loss, backward, update };
  Phase phase = Phase::gather;
  int node = -1;         // of the graph, in forward and backward
  bool updates = false;  // backward: the optimizer's update of these parameters is in it
  struct Head {
    Loss loss;
    bool fused;  // with the activation that makes the output
  };
  std::vector<Head> heads;  // of the loss
  DType arithmetic = DType::f32;
  double operations = 0, bytes = 0, working_set = 0;
};

const char* phase_name(StepPart::Phase phase);

// The parts of a forward pass over all rows of a feed at once; and the pass itself so many times, on so many
// threads. The buffers are ready for them.
std::vector<StepPart> forward_parts(const Graph& graph, const Schedule& schedule, const Feed& feed);
void time_forward(Graph& graph, PassBuffers& buffers, float* parameters, const Feed& feed, std::int64_t calls,
                  int threads, StepTimer& timer);

}  // namespace hotloop
