#include "bind/gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "bind/families.h"

namespace hotloop::bind {
namespace {

namespace py = pybind11;

std::atomic<bool> ending{false};
std::atomic<std::thread::id> last_thread{};  // the one that shuts down may still use everything
std::atomic<int> inside{0};

// Called by atexit, with the GIL, before Python begins to end threads.
void begin_shutdown() {
  last_thread = std::this_thread::get_id();
  ending = true;
  // Those inside get the GIL and finish; a hook that hangs must not keep the process alive.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  const Unlocked released;
  while (inside > 0 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
}

}  // namespace

NeedsPython::NeedsPython() {
  ++inside;
  if (!ending || std::this_thread::get_id() == last_thread.load()) return;
  --inside;
  for (;;) ::pause();
}

NeedsPython::~NeedsPython() { --inside; }

void bind_gil(py::module_& module) {
  pthread_atfork(nullptr, nullptr, [] { inside = 0; });
  py::module_::import("atexit").attr("register")(py::cpp_function(&begin_shutdown, py::scope(module)));
}

}  // namespace hotloop::bind
