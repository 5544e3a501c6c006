// Constants of nodes: made in host memory, read by kernels.
#pragma once
#include <cstdint>

#include "base/aligned_buffer.h"

namespace hotloop {

// Where kernels read `bytes` of host memory: on a CPU where they are, so they have to stay there; on a GPU in
// `keep`.
const void* place_bytes(const void* host, std::int64_t bytes, AlignedBuffer& keep);

// Null stays null.
template <class T>
const T* place(const T* host, std::int64_t count, AlignedBuffer& keep) {
  return host == nullptr ? nullptr
                         : static_cast<const T*>(place_bytes(host, count * std::int64_t{sizeof(T)}, keep));
}

}  // namespace hotloop
