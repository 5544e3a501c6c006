// A block of memory aligned to a cache line; its contents are undefined until written.
// In the CPU half it is the process's own memory; in the CUDA half, the device's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/types.h"

namespace hotloop {

// A block of at least `bytes`, which is rounded up to what it holds. Throws std::bad_alloc, or what says
// more.
void* allocate_block(std::int64_t& bytes);
void free_block(void* block) noexcept;
// From block to block, in the order of everything else that this thread asks for.
void copy_block(void* to, const void* from, std::int64_t bytes);
// Returns when all that this thread asked for has happened: on a CPU it has.
void settle();

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::int64_t bytes) { reserve(bytes); }

  // Grows to at least `bytes`; what was in it is lost when it grows.
  void reserve(std::int64_t bytes) {
    if (bytes <= bytes_) return;
    block_.reset(allocate_block(bytes));
    bytes_ = bytes;
  }

  template <class T = std::byte>
  T* as(std::int64_t byte_offset = 0) const {
    return reinterpret_cast<T*>(static_cast<char*>(block_.get()) + byte_offset);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* block) const { free_block(block); }
  };
  std::unique_ptr<void, Free> block_;
  std::int64_t bytes_ = 0;
};

}  // namespace hotloop
