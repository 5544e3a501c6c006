// From host memory to where kernels read it, and back: constants of nodes, and numbers that a door looks at.
#pragma once
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"

namespace hotloop {

// Where kernels read `bytes` of host memory: on a CPU where they are, so they have to stay there; on a GPU in
// `keep`.
const void* place_bytes(const void* host, std::int64_t bytes, AlignedBuffer& keep);

// Where the host reads `bytes` of a kernel's memory: on a CPU where they are; on a GPU in `keep`, after a
// wait.
const void* fetch_bytes(const void* from, std::int64_t bytes, std::vector<char>& keep);

// Null stays null.
template <class T>
const T* place(const T* host, std::int64_t count, AlignedBuffer& keep) {
  return host == nullptr ? nullptr
                         : static_cast<const T*>(place_bytes(host, count * std::int64_t{sizeof(T)}, keep));
}

template <class T>
const T* fetch(const T* from, std::int64_t count, std::vector<char>& keep) {
  return static_cast<const T*>(fetch_bytes(from, count * std::int64_t{sizeof(T)}, keep));
}

}  // namespace hotloop
