// The optimizer in a node's hands: it updates its own parameters piece by piece, while the gradients of a
// piece are still in cache. They never get to the gradient arena.
#pragma once
#include <cstdint>
#include <vector>

#include "base/types.h"
#include "ops/optimizer/optimizer.h"
#include "program/feed.h"

namespace hotloop {

class HotUpdate {
 public:
  // undecayed: the variables that weight decay leaves alone, alive as long as this.
  HotUpdate(const OptimizerArgs& args, float* parameters, float* const slots[kOptimizerSlots],
            const std::vector<Stretch>& undecayed);
  // Rows that are asked for on the way; this rank's own.
  void ask_for(RowsAhead* ahead) { ahead_ = ahead; }

  // A rectangle of a matrix in the arena; from row to row there are `stride` floats.
  struct Block {
    std::int64_t offset, stride, rows, cols;
  };
  // These parameters, all of one variable, from these gradients: on this thread, now.
  void apply(const Block& block, const float* gradient, std::int64_t gradient_stride) const;
  void apply(std::int64_t offset, const float* gradient, std::int64_t size) const {
    apply({offset, size, 1, size}, gradient, size);
  }

 private:
  const OptimizerScalars& scalars_at(std::int64_t offset) const;

  OptimizerScalars decayed_, plain_;
  float* parameters_;
  float* const* slots_;
  const std::vector<Stretch>& undecayed_;
  RowsAhead* ahead_ = nullptr;
};

}  // namespace hotloop
