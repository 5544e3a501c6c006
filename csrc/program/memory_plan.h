// Where buffers lie: those whose lives do not overlap share memory.
#pragma once
#include <cstdint>
#include <vector>

namespace hotloop {

// A buffer is needed from time `first` to time `last`, both included; last < first means never.
struct Lifetime {
  std::int64_t bytes = 0;
  int first = 0;
  int last = -1;
};

struct MemoryPlan {
  std::vector<std::int64_t>
      offsets;  // one a lifetime, in bytes, aligned; -1 for a buffer that is never needed
  std::int64_t bytes = 0;
};

// Greedy by size: the largest first, each into the lowest gap that no buffer alive at the same time occupies
// (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes);

}  // namespace hotloop
