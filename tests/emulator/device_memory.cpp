#include "device_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace emulator {
namespace {

constexpr std::size_t kRoom = std::size_t{64} << 30, kAlign = 512, kPage = 4096;

std::size_t up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Address space alone; a page takes memory once it is touched.
struct Memory {
  std::mutex mutex;
  char* base = nullptr;
  std::size_t used = 0;
  int shown = 0;
  std::map<std::size_t, std::vector<char*>> freed;  // by what they take

  bool reserve() {
    if (base != nullptr) return true;
    void* found = mmap(nullptr, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found != MAP_FAILED) base = static_cast<char*>(found);
    return base != nullptr;
  }
  void protect() { mprotect(base, up(used, kPage), shown > 0 ? PROT_READ | PROT_WRITE : PROT_NONE); }
};

// Never destroyed: arrays are freed while the process ends.
Memory& memory() {
  static Memory& all = *new Memory;
  return all;
}

// What follows a block is nobody's.
std::size_t taken(std::size_t bytes) { return up(bytes, kAlign) + kAlign; }

void show(int change) {
  Memory& all = memory();
  const std::lock_guard<std::mutex> held(all.mutex);
  const int before = all.shown;
  all.shown += change;
  if (all.base != nullptr && (before > 0) != (all.shown > 0)) all.protect();
}

}  // namespace

DeviceMemoryVisible::DeviceMemoryVisible() { show(1); }
DeviceMemoryVisible::~DeviceMemoryVisible() { show(-1); }

}  // namespace emulator

void* hotloop_device_allocate(std::size_t bytes) {
  using namespace emulator;
  Memory& all = memory();
  const std::lock_guard<std::mutex> held(all.mutex);
  const std::size_t size = taken(bytes);
  char* block = nullptr;
  if (auto found = all.freed.find(size); found != all.freed.end() && !found->second.empty()) {
    block = found->second.back();
    found->second.pop_back();
  } else {
    if (!all.reserve() || all.used + size > kRoom) return nullptr;
    block = all.base + all.used;
    all.used += size;
    if (all.shown > 0) all.protect();
  }
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  ASAN_POISON_MEMORY_REGION(block + bytes, size - bytes);
#endif
  return block;
}

void hotloop_device_free(void* block, std::size_t bytes) {
  using namespace emulator;
  Memory& all = memory();
  const std::lock_guard<std::mutex> held(all.mutex);
  all.freed[taken(bytes)].push_back(static_cast<char*>(block));
}

void hotloop_device_show(int shown) { emulator::show(shown != 0 ? 1 : -1); }
