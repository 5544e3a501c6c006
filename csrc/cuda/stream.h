// Streams, events and graphs as objects.
#pragma once
#include <cuda_runtime_api.h>

#include <memory>
#include <utility>

#include "cuda/context.h"

namespace hotloop::cuda {

// What destroys itself. `destroy` is the runtime's function for it.
template <class Handle, auto destroy>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Handle get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }
  void reset() {
    if (handle_ != nullptr) destroy(std::exchange(handle_, nullptr));
  }

 private:
  Handle handle_ = nullptr;
};
using Stream = Owned<cudaStream_t, cudaStreamDestroy>;
using Event = Owned<cudaEvent_t, cudaEventDestroy>;
using Graph = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;

inline Stream new_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return Stream(stream);
}
inline Event new_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event");
  return Event(event);
}

// Makes `later` wait for what `earlier` has been asked for so far.
inline void follow(cudaStream_t later, cudaStream_t earlier, const Event& event) {
  check(cudaEventRecord(event.get(), earlier), "recording an event");
  check(cudaStreamWaitEvent(later, event.get(), 0), "waiting for an event");
}

// An event behind the last use of memory that streams share. `kept` is where its owner keeps it.
inline void wait_for_last_use(const std::shared_ptr<void>& kept) {
  if (kept != nullptr)
    check(cudaStreamWaitEvent(context().stream, static_cast<Event*>(kept.get())->get(), 0),
          "waiting for an event");
}
inline void record_last_use(std::shared_ptr<void>& kept) {
  if (kept == nullptr) kept = std::make_shared<Event>(new_event());
  check(cudaEventRecord(static_cast<Event*>(kept.get())->get(), context().stream), "recording an event");
}

// Records what work() launches on the context's stream, as a graph to launch again and again. When work()
// throws, so does this, and nothing has been launched.
template <class Work>
Graph capture(const Work& work) {
  const cudaStream_t stream = context().stream;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a graph");
  cudaGraph_t recorded = nullptr;
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream, &recorded);
    if (recorded != nullptr) cudaGraphDestroy(recorded);
    cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(stream, &recorded), "recording a graph");
  const Owned<cudaGraph_t, cudaGraphDestroy> owned(recorded);
  cudaGraphExec_t ready = nullptr;
  check(cudaGraphInstantiate(&ready, recorded, 0), "making a graph ready");
  return Graph(ready);
}

}  // namespace hotloop::cuda
