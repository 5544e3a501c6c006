#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cuda_runtime.h"
#include "device_memory.h"

using Task = std::function<cudaError_t()>;
struct EmulatedGraph {
  std::vector<Task> tasks;
};
struct EmulatedStream {
  std::unique_ptr<EmulatedGraph> capture;
};
struct EmulatedEvent {
  std::chrono::steady_clock::time_point when;
};

namespace {

thread_local cudaError_t last = cudaSuccess;
thread_local cudaError_t pending = cudaSuccess;  // a kernel's fault, which shows when somebody waits

// HOTLOOP_EMULATOR_FAULT=n: the kernel that is launched n-th from then on faults.
bool faults() {
  static thread_local int countdown = 0;
  static thread_local std::string told;
  const char* wanted = std::getenv("HOTLOOP_EMULATOR_FAULT");
  if (wanted == nullptr) return told.clear(), false;
  if (told != wanted) told = wanted, countdown = std::atoi(wanted);
  return countdown > 0 && --countdown == 0;
}
cudaError_t waited() {
  const cudaError_t error = pending;
  pending = cudaSuccess;
  if (error != cudaSuccess) last = error;
  return error != cudaSuccess ? error : last;
}
EmulatedStream default_stream;

// 1 and 2 are the names of the default streams.
EmulatedStream& stream_of(cudaStream_t stream) {
  return reinterpret_cast<std::uintptr_t>(stream) <= 2 ? default_stream : *stream;
}

cudaError_t keep(cudaError_t error) {
  if (error != cudaSuccess) last = error;
  return error;
}

}  // namespace

namespace emulator {

int launch_status() {
  if (faults()) pending = cudaErrorLaunchFailure;
  return pending;
}

int run_or_capture(cudaStream_t stream, const std::function<int()>& task) {
  EmulatedStream& s = stream_of(stream);
  const Task wrapped = [task] {
    const DeviceMemoryVisible visible;
    return static_cast<cudaError_t>(task());
  };
  if (s.capture != nullptr) {
    s.capture->tasks.push_back(wrapped);
    return cudaSuccess;
  }
  return keep(wrapped());
}

}  // namespace emulator

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    default:
      return "an emulated error";
  }
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
         : error == cudaErrorLaunchFailure  ? "cudaErrorLaunchFailure"
                                            : "cudaError";
}
cudaError_t cudaGetLastError() {
  const cudaError_t error = last;
  last = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return last; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
  const char* wanted = std::getenv("HOTLOOP_EMULATOR_DEVICES");
  *count = wanted != nullptr ? std::atoi(wanted) : 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : keep(cudaErrorInvalidValue); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  const char* capability = std::getenv("HOTLOOP_EMULATOR_CAPABILITY");
  const int wanted = capability != nullptr ? std::atoi(capability) : 80;
  *properties = {"an emulated GPU", wanted / 10, wanted % 10, 4, std::size_t{1} << 32};
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  *value = which == cudaDevAttrL2CacheSize ? 50 << 20 : 227 * 1024;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = std::size_t{1} << 32;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return static_cast<cudaError_t>(emulator::run_or_capture(stream, [=] {
    if (bytes > 0) std::memmove(to, from, bytes);
    return 0;
  }));
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return static_cast<cudaError_t>(emulator::run_or_capture(stream, [=] {
    if (bytes > 0) std::memset(to, value, bytes);
    return 0;
  }));
}
cudaError_t cudaHostAlloc(void** block, std::size_t bytes, unsigned) {
  *block = std::malloc(bytes);
  return *block != nullptr ? cudaSuccess : keep(cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* block) { return std::free(block), cudaSuccess; }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new EmulatedStream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return delete stream, cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return waited(); }
cudaError_t cudaStreamQuery(cudaStream_t) { return waited(); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream_of(stream).capture != nullptr ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (&stream_of(stream) == &default_stream || stream->capture != nullptr) return keep(cudaErrorInvalidValue);
  stream->capture = std::make_unique<EmulatedGraph>();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (stream_of(stream).capture == nullptr) return keep(cudaErrorInvalidValue);
  *graph = stream->capture.release();
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new EmulatedGraph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t) {
  for (const Task& task : exec->tasks)
    if (const cudaError_t error = task(); error != cudaSuccess) return keep(error);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return delete exec, cudaSuccess; }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->when = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return waited(); }
cudaError_t cudaEventQuery(cudaEvent_t) { return waited(); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = std::chrono::duration<float, std::milli>(to->when - from->when).count();
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void*) {
  *attributes = {cudaMemoryTypeDevice, 0};
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int value) {
  return value <= 227 * 1024 ? cudaSuccess : keep(cudaErrorInvalidValue);
}
