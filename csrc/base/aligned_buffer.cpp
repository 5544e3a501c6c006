#include "base/aligned_buffer.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdlib>
#include <cstring>
#include <new>

namespace hotloop {

void* allocate_block(std::int64_t& bytes) {
  // Large blocks lie on huge pages where the system has them: a walk over them misses the TLB less.
  constexpr std::int64_t kHugePage = 2 << 20;
  const std::int64_t alignment = bytes >= 2 * kHugePage ? kHugePage : kAlignment;
  bytes = round_up(bytes, alignment);
  void* block = std::aligned_alloc(static_cast<std::size_t>(alignment), static_cast<std::size_t>(bytes));
  if (block == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kHugePage) madvise(block, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
#endif
  return block;
}

void free_block(void* block) noexcept { std::free(block); }

void copy_block(void* to, const void* from, std::int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void settle() {}

}  // namespace hotloop
