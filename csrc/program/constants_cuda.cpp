#include "cuda/context.h"
#include "program/constants.h"

namespace hotloop {

const void* place_bytes(const void* host, std::int64_t bytes, AlignedBuffer& keep) {
  keep.reserve(bytes);
  copy_block(keep.as<void>(), host, bytes);
  // Other streams than this thread's may read them next.
  cuda::synchronize("placing constants");
  return keep.as<void>();
}

}  // namespace hotloop
