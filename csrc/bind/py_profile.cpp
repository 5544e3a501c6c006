#include "bind/py_profile.h"

namespace hotloop::bind {

py::tuple to_python(const std::vector<StepPart>& parts, const StepTimer& timer) {
  py::list described;
  for (const StepPart& part : parts) {
    py::list losses;
    for (const StepPart::Head& head : part.heads)
      losses.append(py::make_tuple(loss_name(head.loss), head.fused));
    py::dict entry;
    entry["phase"] = phase_name(part.phase);
    entry["node"] = part.node;
    entry["updates"] = part.updates;
    entry["losses"] = losses;
    entry["arithmetic"] = dtype_name(part.arithmetic);
    entry["operations"] = part.operations;
    entry["bytes"] = part.bytes;
    entry["working_set"] = part.working_set;
    described.append(entry);
  }
  const std::vector<double>& seconds = timer.seconds();
  const auto columns = static_cast<py::ssize_t>(parts.size());
  const auto steps = static_cast<py::ssize_t>(seconds.size()) / columns;
  return py::make_tuple(described, py::array_t<double>({steps, columns}, seconds.data()));
}

}  // namespace hotloop::bind
