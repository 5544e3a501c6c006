// Blocks of device memory. Where they come from is said by whoever loads this half: CuPy's pool.
#include "base/aligned_buffer.h"

#include "cuda/context.h"
#include "cuda/memory.h"

namespace hotloop {
namespace cuda {
namespace {
Allocator allocator;
}

void set_allocator(Allocator with) { allocator = std::move(with); }

}  // namespace cuda

void* allocate_block(std::int64_t& bytes) {
  if (!cuda::allocator.allocate) throw cuda::Error("device memory: no allocator has been set");
  bytes = round_up(bytes, kAlignment);
  return cuda::allocator.allocate(bytes);
}

void free_block(void* block) noexcept {
  if (block != nullptr) cuda::allocator.free(block);
}

void copy_block(void* to, const void* from, std::int64_t bytes) {
  cuda::check(
      cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, cuda::context().stream),
      "copying memory");
}

void settle() { cuda::synchronize("waiting for the GPU"); }

}  // namespace hotloop
