// The CUDA half's update of a whole arena: one launch, with everything that changes from step to step in
// device memory. Pointers are to device memory, but for `shape` and `slots`.
#pragma once
#include <cstdint>

#include "ops/optimizer/optimizer.h"

namespace hotloop::cuda {

struct DeviceStep;

// A stretch of the arena that is treated alike.
struct UpdateSegment {
  std::int64_t offset, size;
  bool decay;
  int norm;  // index of its scale, -1 for the first
};

// One step of the optimizer over all segments, whose sizes come to `total`. Of the table, which has the
// scalars of each step of a call, step->index's are taken (the first without a step). A segment without decay
// takes decay 0; scales, if there are any, stand in for gradient_scale. shape: some step's scalars, which say
// what rule it is.
void update_segments(const OptimizerScalars& shape, const OptimizerScalars* table, const DeviceStep* step,
                     const UpdateSegment* segments, int count, std::int64_t total, float* w, const float* g,
                     float* const slots[kOptimizerSlots], const float* scales);

// The partial sums of a stretch, as sum_squares_blocks left them. A total is what block_total in optimizer.h
// makes of them.
struct NormSum {
  std::int64_t first_partial, blocks;
};
// Clipping by norm: scales[i] = clipnorm / max(sqrt(total i), clipnorm); or with global_clipnorm > 0
// scales[0] alone, of the sum of all totals.
void norm_scales(const float* partials, const NormSum* sums, int count, float clipnorm, float global_clipnorm,
                 float* scales);

struct PenaltySum {
  std::int64_t first_partial, blocks;
  float factor;
};
// *penalty += the sum over all of factor * total, one after the other.
void penalty_total(const float* partials, const PenaltySum* sums, int count, double* penalty);

}  // namespace hotloop::cuda
