// Memory that the GPU can see.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "cuda/context.h"

namespace hotloop::cuda {

// allocate throws where there is not enough; free takes what it returned. Both from any thread.
struct Allocator {
  std::function<void*(std::int64_t bytes)> allocate;
  std::function<void(void*)> free;
};
void set_allocator(Allocator with);

// Page-locked host memory, from which copies run beside everything else, and which kernels may write to.
class PinnedBuffer {
 public:
  void reserve(std::int64_t bytes) {
    if (bytes <= bytes_) return;
    block_.reset();
    bytes_ = 0;
    void* block = nullptr;
    check(cudaHostAlloc(&block, static_cast<std::size_t>(bytes), cudaHostAllocDefault),
          "allocating page-locked memory");
    block_.reset(block);
    bytes_ = bytes;
  }
  template <class T>
  T* as(std::int64_t byte_offset = 0) const {
    return reinterpret_cast<T*>(static_cast<char*>(block_.get()) + byte_offset);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* block) const { cudaFreeHost(block); }
  };
  std::unique_ptr<void, Free> block_;
  std::int64_t bytes_ = 0;
};

}  // namespace hotloop::cuda
