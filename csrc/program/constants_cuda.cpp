#include "cuda/context.h"
#include "program/constants.h"

namespace hotloop {

const void* place_bytes(const void* host, std::int64_t bytes, AlignedBuffer& keep) {
  // Built outside any call with arrays: the stream of the last one may be gone.
  const cuda::ContextScope default_stream({});
  keep.reserve(bytes);
  copy_block(keep.as<void>(), host, bytes);
  // Other streams than this thread's may read them next.
  cuda::synchronize("placing constants");
  return keep.as<void>();
}

const void* fetch_bytes(const void* from, std::int64_t bytes, std::vector<char>& keep) {
  keep.resize(static_cast<std::size_t>(bytes));
  copy_block(keep.data(), from, bytes);
  settle();
  return keep.data();
}

}  // namespace hotloop
