#include "fibers.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

thread_local emulator::Index3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {
namespace {

constexpr std::size_t kStack = 256 * 1024;

// ---- switching: a few instructions on x86-64, ucontext elsewhere

#if defined(__x86_64__)
extern "C" void hotloop_emulator_switch(void** save, void* load);
__asm__(R"(
.text
.globl hotloop_emulator_switch
.hidden hotloop_emulator_switch
.type hotloop_emulator_switch,@function
hotloop_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size hotloop_emulator_switch,.-hotloop_emulator_switch
)");
struct Machine {
  void* stack_pointer = nullptr;
};
void prepare(Machine& machine, char* stack, std::size_t size, void (*entry)()) {
  auto* top = reinterpret_cast<std::uint64_t*>(stack + size);
  *--top = 0;  // the entry's "return address": keeps the stack aligned as after a call
  *--top = reinterpret_cast<std::uint64_t>(entry);
  for (int i = 0; i < 6; ++i) *--top = 0;
  machine.stack_pointer = top;
}
void change(Machine& from, Machine& to) { hotloop_emulator_switch(&from.stack_pointer, to.stack_pointer); }
#else
struct Machine {
  ucontext_t context;
};
void prepare(Machine& machine, char* stack, std::size_t size, void (*entry)()) {
  getcontext(&machine.context);
  machine.context.uc_stack.ss_sp = stack;
  machine.context.uc_stack.ss_size = size;
  machine.context.uc_link = nullptr;
  makecontext(&machine.context, entry, 0);
}
void change(Machine& from, Machine& to) { swapcontext(&from.context, &to.context); }
#endif

struct Fiber {
  Machine machine;
  std::unique_ptr<char[]> stack{new char[kStack]};
  ThreadState state;
  bool done = true;
  const char* waits_for = nullptr;
  std::function<bool()> ready;
  void* fake_stack = nullptr;
};

struct NamedBarrier {
  int arrived = 0;
  unsigned phase = 0;
};

struct Exchange {
  unsigned arrived = 0, departed = 0, mask = 0;
  std::uint64_t values[32] = {};
};

// One block of a cluster.
struct Cta {
  int alive = 0;
  NamedBarrier barriers[16];
  std::vector<Exchange> exchanges;  // by warp and the lowest lane of the mask
  std::unique_ptr<char[]> shared;
  char* shared_aligned = nullptr;
};

// The blocks that run together: a cluster, mostly of one.
struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::size_t running = 0;  // the fiber that runs
  int alive = 0;
  Machine scheduler;
  const std::function<void()>* body = nullptr;
  std::exception_ptr thrown;
  std::vector<Cta> ctas;
  NamedBarrier cluster;
  std::unique_ptr<Attachment> attached[3];  // by Place
  std::mt19937* random = nullptr;
  char how = 'f';
  const void* scheduler_stack = nullptr;
  std::size_t scheduler_stack_size = 0;
  void* scheduler_fake = nullptr;
};

thread_local Block* block = nullptr;
thread_local ThreadState outside;

Fiber& self() { return *block->fibers[block->running]; }
Cta& own_cta() { return block->ctas[static_cast<std::size_t>(self().state.cta)]; }

void to_scheduler(bool for_ever) {
  Fiber& fiber = self();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(for_ever ? nullptr : &fiber.fake_stack, block->scheduler_stack,
                                 block->scheduler_stack_size);
#else
  (void)for_ever;
#endif
  change(fiber.machine, block->scheduler);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self().fake_stack, &block->scheduler_stack, &block->scheduler_stack_size);
#endif
}

void to_fiber(Fiber& fiber) {
  threadIdx = fiber.state.thread, blockIdx = fiber.state.block;
  blockDim = fiber.state.block_size, gridDim = fiber.state.grid_size;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&block->scheduler_fake, fiber.stack.get(), kStack);
#endif
  change(block->scheduler, fiber.machine);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(block->scheduler_fake, nullptr, nullptr);
#endif
}

void fiber_main() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block->scheduler_stack, &block->scheduler_stack_size);
#endif
  try {
    (*block->body)();
  } catch (...) {
    block->thrown = std::current_exception();
  }
  self().done = true;
  --block->alive;
  --own_cta().alive;
  to_scheduler(true);
  std::abort();  // a fiber that is done is not run again
}

std::vector<std::size_t> order_of(std::size_t count, std::mt19937& random, char how) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (how == 'r') std::reverse(order.begin(), order.end());
  if (how == '?') std::shuffle(order.begin(), order.end(), random);
  return order;
}

void run_block(const char* name, std::mt19937& random, char how) {
  Block& b = *block;
  std::vector<std::size_t> order = order_of(b.fibers.size(), random, how);
  while (b.alive > 0) {
    bool moved = false;
    for (std::size_t i : order) {
      Fiber& fiber = *b.fibers[i];
      if (fiber.done || (fiber.ready && !fiber.ready())) continue;
      fiber.ready = nullptr;
      moved = true;
      b.running = i;
      to_fiber(fiber);
      if (b.thrown) std::rethrow_exception(b.thrown);
    }
    if (!moved) {
      std::string waits;
      for (const auto& fiber : b.fibers)
        if (!fiber->done && waits.find(fiber->waits_for) == std::string::npos)
          waits.append(waits.empty() ? "" : "; ").append(fiber->waits_for);
      throw std::runtime_error(std::string("emulated kernel ") + name + ": its threads wait for ever (" + waits + ")");
    }
    if (how == '?') std::shuffle(order.begin(), order.end(), random);
  }
}

}  // namespace

ThreadState& current() { return block != nullptr ? self().state : outside; }

void fail(const char* what) { throw std::runtime_error(std::string("emulated kernel: ") + what); }

void run_grid(const char* name, Index3 grid, Index3 size, std::size_t shared_bytes,
              const std::function<void()>& body, unsigned cluster) {
  if (block != nullptr) fail("a kernel was launched inside a kernel");
  const std::size_t threads = std::size_t{size.x} * size.y * size.z;
  if (threads == 0 || threads > 1024) fail("a block has 1 to 1024 threads");
  if (grid.y > 65535 || grid.z > 65535 || grid.x > 2147483647u) fail("the grid is too large");
  if (shared_bytes > 227 * 1024) fail("a block has at most 227 KB of shared memory");
  if (cluster == 0 || cluster > 8 || grid.x % cluster != 0) fail("the grid is not made of whole clusters");
  const char* wanted = std::getenv("HOTLOOP_EMULATOR_ORDER");
  char how = 'f';
  unsigned seed = 0;
  if (wanted != nullptr && std::strncmp(wanted, "reverse", 7) == 0) how = 'r';
  if (wanted != nullptr && std::strncmp(wanted, "random", 6) == 0) {
    how = '?';
    if (wanted[6] == ':') seed = static_cast<unsigned>(std::atoi(wanted + 7));
  }
  std::mt19937 random(seed);

  static thread_local std::vector<std::unique_ptr<Fiber>> pool;
  Block here;
  here.body = &body;
  here.random = &random;
  here.how = how;
  while (pool.size() < threads * cluster) pool.push_back(std::make_unique<Fiber>());
  for (std::size_t i = 0; i < threads * cluster; ++i) here.fibers.push_back(std::move(pool[i]));
  // Aligned to 1 KB, as swizzled tiles want it; what lies behind the kernel's share is poisoned.
  constexpr std::size_t kAlign = 1024;
  const std::size_t room = shared_bytes + 2 * kAlign;
  here.ctas.resize(cluster);
  for (Cta& cta : here.ctas) {
    cta.shared.reset(new char[room]);
    const auto base = reinterpret_cast<std::uintptr_t>(cta.shared.get());
    cta.shared_aligned = cta.shared.get() + (kAlign - base % kAlign) % kAlign;
#if defined(__SANITIZE_ADDRESS__)
    const std::size_t tail = static_cast<std::size_t>(cta.shared.get() + room - cta.shared_aligned) - shared_bytes;
    ASAN_POISON_MEMORY_REGION(cta.shared_aligned + shared_bytes, tail);
#endif
  }
  struct Leave {
    Block& here;
    std::size_t room;
    ~Leave() {
      block = nullptr;
#if defined(__SANITIZE_ADDRESS__)
      for (Cta& cta : here.ctas) ASAN_UNPOISON_MEMORY_REGION(cta.shared.get(), room);
#else
      (void)room;
#endif
      for (std::size_t i = 0; i < here.fibers.size(); ++i) {
        here.fibers[i]->ready = nullptr;
        pool[i] = std::move(here.fibers[i]);
      }
    }
  } leave{here, room};
  block = &here;

  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; x += cluster) {
        for (Cta& cta : here.ctas) {
          std::memset(cta.shared_aligned, 0xCB, shared_bytes);  // what nobody wrote is no number
          for (NamedBarrier& barrier : cta.barriers) barrier = NamedBarrier();
          cta.exchanges.assign((threads + 31) / 32 * 32, Exchange());
          cta.alive = static_cast<int>(threads);
        }
        here.cluster = NamedBarrier();
        for (auto& kept : here.attached) kept.reset();
        here.alive = static_cast<int>(threads * cluster);
        for (std::size_t i = 0; i < here.fibers.size(); ++i) {
          Fiber& fiber = *here.fibers[i];
          fiber.done = false;
          fiber.ready = nullptr;
          fiber.fake_stack = nullptr;
          ThreadState& state = fiber.state;
          const auto cta = static_cast<unsigned>(i / threads), at = static_cast<unsigned>(i % threads);
          state.block = {x + cta, y, z}, state.block_size = size, state.grid_size = grid;
          state.rank = static_cast<int>(at);
          state.cta = static_cast<int>(cta);
          state.thread = {at % size.x, at / size.x % size.y, at / (size.x * size.y)};
#if defined(__SANITIZE_ADDRESS__)
          // A fiber that is done never left its first functions: their guards are still there.
          ASAN_UNPOISON_MEMORY_REGION(fiber.stack.get(), kStack);
#endif
          prepare(fiber.machine, fiber.stack.get(), kStack, &fiber_main);
        }
        run_block(name, random, how);
        for (auto& kept : here.attached)
          if (kept) kept->finished();
      }
}

void* dynamic_shared() { return own_cta().shared_aligned; }

void* shared_of(int cta, const void* mine) {
  if (cta < 0 || cta >= cluster_size()) fail("the cluster has no block of that rank");
  const Cta& there = block->ctas[static_cast<std::size_t>(cta)];
  if (there.alive == 0) fail("the shared memory of a block that has returned is used");
  return there.shared_aligned + (static_cast<const char*>(mine) - own_cta().shared_aligned);
}

int cluster_size() { return static_cast<int>(block->ctas.size()); }

std::unique_ptr<Attachment>& attachment(Place place) { return block->attached[static_cast<std::size_t>(place)]; }

bool early() { return block->how == 'r' || (block->how == '?' && (*block->random)() % 2 == 0); }

void wait_until(const std::function<bool()>& ready, const char* what) {
  if (ready()) return;
  self().ready = ready;
  self().waits_for = what;
  to_scheduler(false);
}

namespace {

// Whoever finds it complete first opens it; a thread that returns may be what completes it. count: a number, or
// where that of those who have not returned stands.
template <class Count>
void meet(NamedBarrier& barrier, Count count, const char* what) {
  const unsigned phase = barrier.phase;
  ++barrier.arrived;
  wait_until(
      [&barrier, phase, count] {
        if (barrier.phase == phase && barrier.arrived >= count()) barrier.arrived = 0, ++barrier.phase;
        return barrier.phase != phase;
      },
      what);
}

}  // namespace

void block_barrier(int id, int count) {
  Cta& cta = own_cta();
  meet(cta.barriers[id], [&cta, count] { return count > 0 ? count : cta.alive; }, "a barrier of the block");
}

void cluster_barrier() {
  Block& here = *block;
  meet(here.cluster, [&here] { return here.alive; }, "a barrier of the cluster");
}

void exchange(unsigned mask, std::uint64_t mine, std::uint64_t (&all)[32]) {
  const int lane = current().lane(), warp = current().warp();
  if ((mask >> lane & 1) == 0) fail("a thread that the mask does not name takes part in a warp's exchange");
  Exchange& x = own_cta().exchanges[static_cast<std::size_t>(warp * 32 + __builtin_ctz(mask))];
  const unsigned bit = 1u << lane;
  wait_until([&x] { return x.departed == 0; }, "an exchange of the warp that others have not left");
  if (x.arrived == 0) x.mask = mask;
  if (x.mask != mask) fail("lanes of a warp exchange with different masks");
  x.values[lane] = mine;
  x.arrived |= bit;
  wait_until([&x] { return x.arrived == x.mask; }, "an exchange of the warp");
  std::memcpy(all, x.values, sizeof(all));
  x.departed |= bit;
  if (x.departed == x.mask) x.arrived = x.departed = 0;
}

}  // namespace emulator
