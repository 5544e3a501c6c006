// The threads of a CUDA block as fibers of one CPU thread. A fiber runs until it waits: at a barrier of the block,
// or for the lanes of its warp. Blocks run one after the other; those of a cluster together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace emulator {

struct Index3 {
  unsigned x = 1, y = 1, z = 1;
};

// What the code of a thread sees.
struct ThreadState {
  Index3 thread{0, 0, 0}, block{0, 0, 0}, block_size, grid_size;
  int rank = 0;  // in the block
  int cta = 0;   // the block's rank in its cluster
  int lane() const { return rank % 32; }
  int warp() const { return rank / 32; }
};
ThreadState& current();

// Runs body once for each thread of each block; fibers take turns in the order that HOTLOOP_EMULATOR_ORDER says
// (forward, the default; reverse; random or random:SEED). Throws std::runtime_error where all wait for ever, and
// what body throws. cluster: so many blocks, neighbours along x, run together.
void run_grid(const char* name, Index3 grid, Index3 block, std::size_t shared_bytes,
              const std::function<void()>& body, unsigned cluster = 1);
void* dynamic_shared();
// The place in a block's shared memory, of this cluster's block `cta`, that `mine` is in this thread's.
void* shared_of(int cta, const void* mine);
int cluster_size();
// All threads of the cluster that have not returned.
void cluster_barrier();

// What a device header keeps for as long as a cluster's blocks run, each in a place of its own.
struct Attachment {
  virtual ~Attachment() = default;
  virtual void finished() = 0;  // the blocks have returned: throws where something is left over
};
enum class Place { copies, products, thread_copies };
std::unique_ptr<Attachment>& attachment(Place place);
// Whether what may happen at once or much later shall happen at once: never in forward order, always in reverse,
// sometimes in random order.
bool early();

// Lets others go on until ready() holds.
void wait_until(const std::function<bool()>& ready, const char* what);
// All threads of the block that have not returned, or (count > 0) `count` of them at barrier `id`.
void block_barrier(int id = 0, int count = 0);

// The lanes of `mask`, this one among them, show each other a number of 8 bytes; read(values) then sees 32 of them.
void exchange(unsigned mask, std::uint64_t mine, std::uint64_t (&all)[32]);

[[noreturn]] void fail(const char* what);

}  // namespace emulator
