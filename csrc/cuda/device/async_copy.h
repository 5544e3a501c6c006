// Copies from global into shared memory that go on while the thread does something else.
#pragma once

namespace hotloop {
namespace {

// 4 or 16 bytes, both ends aligned to as many; what lies beyond the first `valid` of them becomes zero, and
// is not read. Seen by this thread after copies_wait, by others after a barrier besides.
template <int bytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global, int valid) {
  static_assert(bytes == 4 || bytes == 16);
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  // Of 16 bytes each is read once; smaller ones share a sector of the first-level cache.
  if constexpr (bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(valid)
                 : "memory");
}

// Those since the last call are a group, an empty one if there were none.
__device__ __forceinline__ void copies_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until all groups but the last `pending` have arrived.
template <int pending>
__device__ __forceinline__ void copies_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

}  // namespace
}  // namespace hotloop
