// The threads of a CUDA block as fibers of one CPU thread. A fiber runs until it waits: at a barrier of the block,
// or for the lanes of its warp. Blocks run one after the other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace emulator {

struct Index3 {
  unsigned x = 1, y = 1, z = 1;
};

// What the code of a thread sees.
struct ThreadState {
  Index3 thread{0, 0, 0}, block{0, 0, 0}, block_size, grid_size;
  int rank = 0;  // in the block
  int lane() const { return rank % 32; }
  int warp() const { return rank / 32; }
};
ThreadState& current();

// Runs body once for each thread of each block; fibers take turns in the order that HOTLOOP_EMULATOR_ORDER says
// (forward, the default; reverse; random or random:SEED). Throws std::runtime_error where all wait for ever, and
// what body throws.
void run_grid(const char* name, Index3 grid, Index3 block, std::size_t shared_bytes,
              const std::function<void()>& body);
void* dynamic_shared();

// Lets others go on until ready() holds.
void wait_until(const std::function<bool()>& ready, const char* what);
// All threads of the block that have not returned, or (count > 0) `count` of them at barrier `id`.
void block_barrier(int id = 0, int count = 0);

// The lanes of `mask`, this one among them, show each other a number of 8 bytes; read(values) then sees 32 of them.
void exchange(unsigned mask, std::uint64_t mine, std::uint64_t (&all)[32]);

[[noreturn]] void fail(const char* what);

}  // namespace emulator
