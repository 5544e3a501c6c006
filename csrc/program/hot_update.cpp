#include "program/hot_update.h"

#include <algorithm>

namespace hotloop {

HotUpdate::HotUpdate(const OptimizerArgs& args, float* parameters, float* const slots[kOptimizerSlots],
                     const std::vector<Stretch>& undecayed)
    : decayed_(optimizer_scalars(args)),
      plain_(decayed_),
      parameters_(parameters),
      slots_(slots),
      undecayed_(undecayed) {
  plain_.decay = 0.0f;
}

const OptimizerScalars& HotUpdate::scalars_at(std::int64_t offset) const {
  if (decayed_.decay == 0.0f) return plain_;
  for (const Stretch& s : undecayed_)
    if (s.offset <= offset && offset < s.offset + s.size) return plain_;
  return decayed_;
}

void HotUpdate::apply(const Block& block, const float* gradient, std::int64_t gradient_stride) const {
  OptimizerBlock b{.w = parameters_ + block.offset,
                   .g = gradient,
                   .slots = {},
                   .rows = block.rows,
                   .cols = block.cols,
                   .row = block.stride,
                   .g_row = gradient_stride};
  for (int i = 0; i < kOptimizerSlots; ++i)
    b.slots[i] = slots_[i] == nullptr ? nullptr : slots_[i] + block.offset;
  constexpr int kMostPlaces = 512;
  const void* places[kMostPlaces];
  if (ahead_ != nullptr) {
    b.ahead = places;
    b.ahead_count = ahead_->take(
        places, static_cast<int>(std::min<std::int64_t>(block.rows * block.cols / 64, kMostPlaces)));
  }
  optimizer_step(scalars_at(block.offset), b);
}

}  // namespace hotloop
