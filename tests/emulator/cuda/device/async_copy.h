// Stands in for csrc/cuda/device/async_copy.h. What is copied arrives at once or, most often, not before it is
// waited for.
#pragma once
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "fibers.h"

namespace emulator {

struct ThreadCopy {
  void* to;
  const void* from;
  int bytes, valid;
};
struct ThreadCopies final : Attachment {
  struct OfThread {
    std::vector<ThreadCopy> open;
    std::deque<std::vector<ThreadCopy>> groups;
  };
  std::map<std::pair<int, int>, OfThread> threads;

  void finished() override {
    for (const auto& [who, copies] : threads) {
      if (!copies.open.empty()) fail("a thread returned with asynchronous copies that it never committed");
      for (const auto& group : copies.groups)
        if (!group.empty()) fail("a thread returned with asynchronous copies that it never waited for");
    }
  }
  static OfThread& mine() {
    auto& kept = attachment(Place::thread_copies);
    if (!kept) kept = std::make_unique<ThreadCopies>();
    return static_cast<ThreadCopies&>(*kept).threads[{current().cta, current().rank}];
  }
};

inline void arrive(const std::vector<ThreadCopy>& group) {
  for (const ThreadCopy& copy : group) {
    std::memset(copy.to, 0, static_cast<std::size_t>(copy.bytes));
    std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.valid));
  }
}

}  // namespace emulator

namespace hotloop {
namespace {

template <int bytes>
void copy_async(void* shared, const void* global, int valid) {
  static_assert(bytes == 4 || bytes == 16);
  const auto misplaced = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % bytes != 0; };
  if (misplaced(shared) || misplaced(global))
    emulator::fail("an asynchronous copy is not aligned to its size");
  if (valid < 0 || valid > bytes) emulator::fail("an asynchronous copy of more bytes than it has");
  const emulator::ThreadCopy copy{shared, global, bytes, valid};
  if (emulator::early())
    emulator::arrive({copy});
  else
    emulator::ThreadCopies::mine().open.push_back(copy);
}
inline void copies_commit() {
  auto& mine = emulator::ThreadCopies::mine();
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}
template <int pending>
void copies_wait() {
  auto& groups = emulator::ThreadCopies::mine().groups;
  for (; groups.size() > pending; groups.pop_front()) emulator::arrive(groups.front());
}

}  // namespace
}  // namespace hotloop
