// The GPU itself, arrays on it, and CuPy's memory for what the CUDA half needs.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "bind/device_array.h"
#include "bind/families.h"
#include "bind/gil.h"
#include "cuda/context.h"
#include "cuda/memory.h"

namespace hotloop::bind {

namespace py = pybind11;

namespace {

// dtypes by their names in array interfaces; making one anew takes longer than many a launch.
py::dtype dtype_of(const std::string& name) {
  static std::map<std::string, py::object>& known = *new std::map<std::string, py::object>;
  auto found = known.find(name);
  if (found == known.end()) found = known.emplace(name, py::dtype(name)).first;
  return py::reinterpret_borrow<py::dtype>(found->second);
}

// CuPy, which is imported where one of its arrays is.
struct Cupy {
  py::object ndarray, current_stream;
};
const Cupy* cupy() {
  static const Cupy* known = nullptr;  // lives as long as the process
  const py::dict modules = py::module_::import("sys").attr("modules");
  if (known == nullptr && modules.contains("cupy")) {
    const py::object module = modules["cupy"];
    known = new Cupy{module.attr("ndarray"), module.attr("cuda").attr("get_current_stream")};
  }
  return known;
}

cudaStream_t stream_of(const py::object& number) {
  return reinterpret_cast<cudaStream_t>(number.cast<std::intptr_t>());
}

// Kernels run on CuPy's current stream. What another library left to do on a stream of its own has to be done
// first.
void follow_stream(const py::dict& interface, py::handle object) {
  cuda::Context& context = cuda::context();
  const py::object named = interface.contains("stream") ? py::object(interface["stream"]) : py::none();
  if (cupy() != nullptr && py::isinstance(object, cupy()->ndarray))
    context.stream = stream_of(named.is_none() ? cupy()->current_stream().attr("ptr") : named);
  else if (!named.is_none() && stream_of(named) != context.stream)
    cuda::check(cudaStreamSynchronize(stream_of(named)), "waiting for another library's stream");
}

void require_here(const void* data, py::handle object) {
  if (data == nullptr) return;
  cudaPointerAttributes attributes;
  cuda::check(cudaPointerGetAttributes(&attributes, data), "looking at an array");
  const bool on_gpu = attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged;
  int current = 0;
  cuda::check(cudaGetDevice(&current), "asking for the current GPU");
  require(on_gpu && attributes.device == current, "arrays: expected memory of GPU ", current, ", got a ",
          Py_TYPE(object.ptr())->tp_name, on_gpu ? " on GPU " : " in memory of another kind",
          on_gpu ? std::to_string(attributes.device) : std::string(),
          "; move it with cupy.asarray, or make its GPU the current one");
}

// Blocks from CuPy's pool, by address.
class CupyBlocks {
 public:
  void* allocate(std::int64_t bytes) {
    const NeedsPython needed;
    const py::gil_scoped_acquire held;
    const py::object block = py::module_::import("hotloop.device").attr("allocate")(bytes);
    void* address = reinterpret_cast<void*>(block.attr("ptr").cast<std::intptr_t>());
    kept_[address] = block;
    return address;
  }
  void free(void* address) {
    if (!Py_IsInitialized()) return;
    const NeedsPython needed;
    const py::gil_scoped_acquire held;
    const auto gone = kept_.extract(address);  // let go of when the map is whole again
  }

 private:
  std::map<void*, py::object> kept_;
};

}  // namespace

DeviceArray DeviceArray::of(py::handle object) {
  if (!py::hasattr(object, "__cuda_array_interface__"))
    throw py::type_error(
        message("expected an array on the GPU (CuPy's, or another with __cuda_array_interface__), "
                "got ",
                Py_TYPE(object.ptr())->tp_name, "; move it there with cupy.asarray"));
  const py::dict interface = object.attr("__cuda_array_interface__");
  require(!interface.contains("mask") || interface["mask"].is_none(), "arrays: expected one without a mask");
  const py::tuple data = interface["data"];
  const auto* address = reinterpret_cast<const void*>(data[0].cast<std::uintptr_t>());
  follow_stream(interface, object);
  require_here(address, object);
  const auto shape = interface["shape"].cast<std::vector<py::ssize_t>>();
  const py::dtype dtype = dtype_of(interface["typestr"].cast<std::string>());
  std::vector<py::ssize_t> strides;
  if (interface.contains("strides") && !interface["strides"].is_none())
    strides = interface["strides"].cast<std::vector<py::ssize_t>>();
  // An empty array may have no address; the header wants one all the same, or it would allocate.
  static char nothing[64];
  DeviceArray array(dtype, shape, strides, address != nullptr ? address : nothing, object);
  if (data[1].cast<bool>())
    py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

void bind_device(py::module_& module) {
  static CupyBlocks& blocks = *new CupyBlocks;  // lives as long as the process
  cuda::set_allocator(
      {[](std::int64_t bytes) { return blocks.allocate(bytes); }, [](void* block) { blocks.free(block); }});
  module.def("require_device", &cuda::require_device,
             "Raise RuntimeError, which says why, without a usable GPU.");
  module.def(
      "device_info",
      [] {
        const cuda::DeviceLimits& limits = cuda::device_limits();
        py::dict info;
        info["name"] = limits.name;
        info["capability"] = py::make_tuple(limits.major, limits.minor);
        info["multiprocessors"] = limits.multiprocessors;
        info["memory"] = limits.memory;
        int driver = 0, runtime = 0;
        cudaDriverGetVersion(&driver);
        cudaRuntimeGetVersion(&runtime);
        info["driver"] = driver;
        info["runtime"] = runtime;
        return info;
      },
      "The current GPU's name and limits, and the versions of CUDA.");
  module.def(
      "synchronize",
      [] {
        cuda::context().stream =
            cupy() == nullptr ? nullptr : stream_of(cupy()->current_stream().attr("ptr"));
        const Unlocked released;
        cuda::synchronize("waiting for the GPU");
      },
      "Wait until all that was asked for has happened.");
}

}  // namespace hotloop::bind
