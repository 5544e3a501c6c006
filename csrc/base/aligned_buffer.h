// A block of memory aligned to a cache line; its contents are undefined until written.
#pragma once
#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/types.h"

namespace hotloop {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::int64_t bytes) { reserve(bytes); }

  // Grows to at least `bytes`; what was in it is lost when it grows.
  void reserve(std::int64_t bytes) {
    if (bytes <= bytes_) return;
    // Large blocks lie on huge pages where the system has them: a walk over them misses the TLB less.
    constexpr std::int64_t kHugePage = 2 << 20;
    const std::int64_t alignment = bytes >= 2 * kHugePage ? kHugePage : kAlignment;
    const auto rounded = static_cast<std::size_t>((bytes + alignment - 1) / alignment * alignment);
    void* block = std::aligned_alloc(static_cast<std::size_t>(alignment), rounded);
    if (block == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (alignment == kHugePage) madvise(block, rounded, MADV_HUGEPAGE);
#endif
    block_.reset(block);
    bytes_ = static_cast<std::int64_t>(rounded);
  }

  template <class T = std::byte>
  T* as(std::int64_t byte_offset = 0) const {
    return reinterpret_cast<T*>(static_cast<char*>(block_.get()) + byte_offset);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  std::unique_ptr<void, Free> block_;
  std::int64_t bytes_ = 0;
};

}  // namespace hotloop
