#include "ops/strided/strided_copy.h"

#include <algorithm>
#include <cstdlib>

namespace hotloop {

// Sorted by hand: the standard library's stable sort allocates, and programs ask for this in every step.
StridedCopy simplified(const StridedCopy& copy) {
  int order[kMostCopyAxes], count = 0;
  for (int a = 0; a < copy.axes; ++a) {
    if (copy.size[a] == 1) continue;
    int at = count++;
    for (; at > 0 && std::abs(copy.to[order[at - 1]]) < std::abs(copy.to[a]); --at) order[at] = order[at - 1];
    order[at] = a;
  }
  StridedCopy made;
  for (int i = 0; i < count; ++i) {
    const int a = order[i], last = made.axes - 1;
    if (made.axes > 0 && made.from[last] == copy.from[a] * copy.size[a] &&
        made.to[last] == copy.to[a] * copy.size[a])
      made.size[last] *= copy.size[a], made.from[last] = copy.from[a], made.to[last] = copy.to[a];
    else
      made.add(copy.size[a], copy.from[a], copy.to[a]);
  }
  return made;
}

void strided_copy(const StridedCopy& copy, const float* x, float* y, bool accumulate, Share share) {
  if (std::find(copy.size, copy.size + copy.axes, 0) == copy.size + copy.axes)
    HOTLOOP_SELECT(strided_copy_kernel)(copy, x, y, accumulate, share);
}

}  // namespace hotloop
