// How a small program's inputs lie against the shape that they are broadcast to.
#include "base/error.h"
#include "ops/small_program/small_program.h"

namespace hotloop {

void begin_axes(ProgramLayout& layout, std::int64_t rows, AxisSizes sample) {
  require(sample.rank < kMostProgramAxes, "small program: expected samples of at most ", kMostProgramAxes - 1,
          " axes, got ", sample.rank);
  layout.axes = 1 + sample.rank;
  layout.shape[0] = rows;
  for (int axis = 0; axis < sample.rank; ++axis) layout.shape[1 + axis] = sample.sizes[axis];
}

void set_strides(ProgramLayout& layout, int which, AxisSizes shape, bool batched) {
  ProgramInput& input = layout.inputs[which];
  require(shape.rank < layout.axes, "small program: input ", which, ": expected at most ", layout.axes - 1,
          " axes, got ", shape.rank);
  std::int64_t size = 1;
  for (int axis = layout.axes - 1; axis > 0; --axis) {
    const int own = axis - (layout.axes - shape.rank);
    const std::int64_t extent = own < 0 ? 1 : shape.sizes[own], whole = layout.shape[axis];
    require(extent == whole || extent == 1, "small program: input ", which, ": an axis of size ", extent,
            " does not broadcast to ", whole);
    input.strides[axis] = extent == 1 ? 0 : size;
    size *= extent;
  }
  input.strides[0] = batched ? size : 0;
}

void join_axes(ProgramLayout& layout, int inputs) {
  // Each of a sample's axes but those of size 1 joins the one before it, or is a new one.
  int kept = 0;
  for (int axis = 1; axis < layout.axes; ++axis) {
    if (layout.shape[axis] == 1) continue;
    bool joins = kept > 0;
    for (int k = 0; k < inputs && joins; ++k) {
      const std::int64_t* strides = layout.inputs[k].strides;
      joins = strides[kept] == strides[axis] * layout.shape[axis];
    }
    if (!joins) ++kept;
    layout.shape[kept] = joins ? layout.shape[kept] * layout.shape[axis] : layout.shape[axis];
    for (int k = 0; k < inputs; ++k) layout.inputs[k].strides[kept] = layout.inputs[k].strides[axis];
  }
  layout.axes = 1 + kept;
  for (int k = 0; k < inputs; ++k) {
    ProgramInput& input = layout.inputs[k];
    input.whole = input.one = true;
    std::int64_t size = 1;
    for (int axis = kept; axis >= 0; --axis) {
      if (layout.shape[axis] == 1) continue;
      input.whole = input.whole && input.strides[axis] == size;
      input.one = input.one && input.strides[axis] == 0;
      size *= layout.shape[axis];
    }
  }
}

}  // namespace hotloop
