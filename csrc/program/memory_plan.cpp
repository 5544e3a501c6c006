#include "program/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/types.h"

namespace hotloop {

MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes) {
  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), -1);
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  std::vector<std::size_t> placed;  // sorted by offset
  for (std::size_t candidate : order) {
    const Lifetime& life = lifetimes[candidate];
    if (life.last < life.first) continue;
    const std::int64_t bytes = round_up(life.bytes, kAlignment);
    std::int64_t offset = 0;
    for (std::size_t other : placed) {
      const Lifetime& theirs = lifetimes[other];
      if (theirs.last < life.first || life.last < theirs.first) continue;
      if (offset + bytes <= plan.offsets[other]) break;
      const std::int64_t their_bytes = round_up(theirs.bytes, kAlignment);
      offset = std::max(offset, plan.offsets[other] + their_bytes);
    }
    plan.offsets[candidate] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), candidate,
                         [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
        candidate);
  }
  return plan;
}

}  // namespace hotloop
