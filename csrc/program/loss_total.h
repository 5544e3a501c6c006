// The loss of a feed, added up head by head: in the CUDA half on the device, where nobody waits for it until
// it is asked for.
#pragma once
#include <cstdint>

#include "base/aligned_buffer.h"
#include "program/head.h"

namespace hotloop {

class LossTotal {
 public:
  LossTotal();
  // A batch's loss summed over its samples: see sum_head_loss.
  void add(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows);
  double value() const;

 private:
  double total_ = 0;
  AlignedBuffer on_device_;
};

}  // namespace hotloop
