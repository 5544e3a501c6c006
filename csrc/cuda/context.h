// What CUDA work of this thread goes by: the stream, and where the step in progress stands.
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace hotloop::cuda {

// The state of a training call, in device memory: all that changes from one replay of a graph to the next.
struct DeviceStep {
  std::uint64_t iteration;  // the model's steps before this one: dropout's counter
  std::int64_t index;       // steps of this call before this one: which scalars the optimizer takes
  std::int64_t first_row;   // of this step's batch, in the order of the call
};

// What a call has come to, as the CPU may look at it while the GPU goes on.
struct Progress {
  std::int64_t steps = 0, rows = 0;
  double loss_sum = 0, last_loss = 0;
};

// What a kernel launched by this thread works with. Kernels that find a step here add it to what their
// arguments say.
struct Context {
  cudaStream_t stream = nullptr;
  const DeviceStep* step = nullptr;
};
Context& context();

// Another context for as long as this lives.
class ContextScope {
 public:
  explicit ContextScope(const Context& during) : before_(context()) { context() = during; }
  ~ContextScope() { context() = before_; }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  Context before_;
};

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error, which says what was asked for, and what the ops since the last synchronisation were: a fault
// of a kernel shows at some later call.
void check(cudaError_t status, const char* what);
// Remembers that a kernel of this op was launched. With HOTLOOP_CUDA_SYNC=1 waits for it, so that a fault is
// blamed on the right one.
void launched(const char* op);
bool waits_for_each();  // HOTLOOP_CUDA_SYNC=1
// The ops launched by this thread since it last waited, and adding to them what a graph replays.
const std::vector<const char*>& ops_launched();
void replayed(const std::vector<const char*>& ops);
// Waits for the context's stream.
void synchronize(const char* what);

// Of the current device, asked for once each.
struct DeviceLimits {
  std::string name;
  int device = 0, major = 0, minor = 0;
  int multiprocessors = 1;
  int shared_memory = 48 * 1024;  // a block's, in bytes, asked for by name
  std::int64_t memory = 0;
  int capability() const { return 10 * major + minor; }
};
const DeviceLimits& device_limits();
// Throws Error where there is no GPU, or a driver too old for the runtime that this was built with.
void require_device();

}  // namespace hotloop::cuda
