// Losses over classes. Rows go in groups of 16, so that their logarithms are taken in one vector: row by row
// the reductions, then the losses of the whole group.
#include "cpu/simd/rows.h"

#include "ops/loss/class_loss_rows.h"
#include "ops/loss/loss_kernels.h"

namespace hotloop {
namespace {

struct Group {
  float inner[kLanes], factor[kLanes], rest[kLanes];
};

HOTLOOP_INLINE void finish(const LossArgs& args, const Group& group, std::int64_t first, int count) {
  const F32 loss = class_loss(load(group.inner), load(group.factor), load(group.rest));
  const F32 weight = args.weight != nullptr ? load_or(args.weight + first, count) : splat(1.0f);
  store_or(args.row_loss + first, loss * weight, count);
}

template <class Row>
HOTLOOP_INLINE void groups(const LossArgs& args, Range part, Row row) {
  for (std::int64_t first = part.begin; first < part.end; first += kLanes) {
    const int count = part.end - first < kLanes ? static_cast<int>(part.end - first) : kLanes;
    Group group = {};
    for (int slot = 0; slot < count; ++slot) {
      const ClassRow done = row(args, first + slot);
      group.inner[slot] = done.inner;
      group.factor[slot] = done.factor;
      group.rest[slot] = done.rest;
    }
    finish(args, group, first, count);
  }
}

}  // namespace

namespace HOTLOOP_LEVEL {

void class_loss_kernel(const LossArgs& args, Share share) {
  if (args.cols <= 0) return;
  const Range part = rows_of(share, args.rows, args.cols);
  with_class_row(args, [&](auto row) { groups(args, part, row); });
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
