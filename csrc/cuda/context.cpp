#include "cuda/context.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace hotloop::cuda {
namespace {

// The ops of this thread since it last waited, the latest few.
struct Launches {
  static constexpr std::size_t kMost = 32;
  std::vector<const char*> names;

  void add(const char* op) {
    if (std::find(names.begin(), names.end(), op) != names.end()) return;
    if (names.size() == kMost) names.erase(names.begin());
    names.push_back(op);
  }
  std::string text() const {
    std::string all;
    for (const char* name : names) all.append(all.empty() ? "" : ", ").append(name);
    return all;
  }
};

Launches& launches() {
  thread_local Launches mine;
  return mine;
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, device), "asking for the GPU's limits");
  return value;
}

DeviceLimits read_limits(int device) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device), "asking for the GPU's name");
  DeviceLimits limits;
  limits.name = properties.name;
  limits.device = device;
  limits.major = properties.major, limits.minor = properties.minor;
  limits.multiprocessors = properties.multiProcessorCount;
  limits.shared_memory = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  limits.memory = static_cast<std::int64_t>(properties.totalGlobalMem);
  return limits;
}

}  // namespace

Context& context() {
  thread_local Context mine;
  return mine;
}

bool waits_for_each() {
  static const bool wanted = [] {
    const char* value = std::getenv("HOTLOOP_CUDA_SYNC");
    return value != nullptr && *value != '\0' && *value != '0';
  }();
  return wanted;
}

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the runtime keeps it otherwise, and the next check would blame another
  const std::string since = launches().text();
  launches().names.clear();
  // From here to there in the runtime's list are the errors that end a process's use of the GPU.
  const bool is_fault = status >= 700 && status < 720;
  throw Error(message(what, ": CUDA says '", cudaGetErrorString(status), "' (", cudaGetErrorName(status), ")",
                      since.empty() ? "" : "; ops since the GPU was last waited for: ", since,
                      since.empty() || waits_for_each()
                          ? ""
                          : ". HOTLOOP_CUDA_SYNC=1 in the environment waits for each op and names the one",
                      is_fault ? "; after a kernel's fault a process has to start anew to use the GPU" : ""));
}

void launched(const char* op) {
  check(cudaPeekAtLastError(), op);
  launches().add(op);
  if (!waits_for_each()) return;
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(context().stream, &capturing), op);
  if (capturing == cudaStreamCaptureStatusNone) check(cudaStreamSynchronize(context().stream), op);
}

const std::vector<const char*>& ops_launched() { return launches().names; }
void replayed(const std::vector<const char*>& ops) {
  for (const char* op : ops) launches().add(op);
}

void synchronize(const char* what) {
  check(cudaStreamSynchronize(context().stream), what);
  launches().names.clear();
}

const DeviceLimits& device_limits() {
  static std::mutex mutex;
  static std::map<int, DeviceLimits> known;
  int device = 0;
  check(cudaGetDevice(&device), "asking for the current GPU");
  const std::lock_guard<std::mutex> held(mutex);
  auto found = known.find(device);
  if (found == known.end()) found = known.emplace(device, read_limits(device)).first;
  return found->second;
}

void require_device() {
  int driver = 0, runtime = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  const auto version = [](int number) { return message(number / 1000, ".", number % 1000 / 10); };
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    throw Error("device 'cuda': no NVIDIA driver answers; install one, or use device='cpu'");
  // Within a major version a newer runtime runs on an older driver.
  if (driver / 1000 < runtime / 1000)
    throw Error(message("device 'cuda': the NVIDIA driver is for CUDA ", version(driver),
                        ", but hotloop was built with ", version(runtime),
                        "; update the driver, or build with an older toolkit"));
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    throw Error(message("device 'cuda': there is no GPU that this process may use",
                        status == cudaSuccess ? "" : message(" (", cudaGetErrorString(status), ")"),
                        "; look at nvidia-smi and CUDA_VISIBLE_DEVICES, or use device='cpu'"));
  }
  const DeviceLimits& limits = device_limits();
  if (limits.capability() < 80)
    throw Error(message("device 'cuda': ", limits.name, " has compute capability ", limits.major, ".",
                        limits.minor, "; 8.0 (Ampere) or newer is needed"));
}

}  // namespace hotloop::cuda
