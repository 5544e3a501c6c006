// A block of memory aligned to a cache line; its contents are undefined until written.
#pragma once
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
    const auto rounded = static_cast<std::size_t>((bytes + kAlignment - 1) / kAlignment * kAlignment);
    void* block = std::aligned_alloc(kAlignment, rounded);
    if (block == nullptr) throw std::bad_alloc();
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
