// The gradient of an input that was broadcast: the sum over all that it was repeated for.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/team.h"
#include "ops/elementwise/elementwise.h"
#include "ops/reduce/reduce.h"
#include "ops/small_program/small_program.h"

namespace hotloop {

class BroadcastSum {
 public:
  // Of input `which`; without `batched` the layout's first axis is of size 1.
  BroadcastSum(const ProgramLayout& layout, int which, bool batched) {
    for (int axis = batched ? 0 : 1; axis < layout.axes; ++axis) {
      const bool summed = layout.inputs[which].strides[axis] == 0;
      if (parts_.empty() || parts_.back().summed != summed) parts_.push_back({summed, false, 1});
      if (axis == 0)
        parts_.back().rows = true;
      else
        parts_.back().size *= layout.shape[axis];
    }
  }

  // Numbers in between, where it takes more than one sum.
  std::int64_t room(std::int64_t rows) const {
    const auto last = std::find_if(parts_.rbegin(), parts_.rend(), [](const Part& p) { return p.summed; });
    std::int64_t numbers = 1;
    for (const Part& part : parts_) numbers *= &part == &*last ? 1 : part.count(rows);
    return numbers;
  }

  // gradient: of the whole, which may be overwritten; room: as many numbers as it says. Called by every rank;
  // the innermost axes are summed first, each sum in the order that reduce.h says.
  void add_up(std::int64_t rows, float* gradient, float* room, float* to, bool accumulate,
              const Team& team) const {
    float* from = gradient;
    std::int64_t inner = 1;
    for (std::size_t k = parts_.size(); k-- > 0;) {
      const std::int64_t n = parts_[k].count(rows);
      if (!parts_[k].summed) {
        inner *= n;
        continue;
      }
      std::int64_t outer = 1;
      bool last = true;
      for (std::size_t before = 0; before < k; ++before) {
        outer *= parts_[before].count(rows);
        last = last && !parts_[before].summed;
      }
      float* const into = last && !accumulate ? to : from == gradient ? room : gradient;
      reduce_forward(Reduction::sum, {outer, n, inner}, from, into, team.share());
      from = into;
      if (last && !accumulate) return;
      team.barrier();
    }
    std::int64_t numbers = 1;
    for (const Part& part : parts_) numbers *= part.summed ? 1 : part.count(rows);
    copy_or_add(from, to, true, numbers, team.share());
  }

 private:
  // Neighbouring axes, all of which are summed or none.
  struct Part {
    bool summed, rows;
    std::int64_t size;
    std::int64_t count(std::int64_t batch) const { return rows ? size * batch : size; }
  };
  std::vector<Part> parts_;
};

}  // namespace hotloop
