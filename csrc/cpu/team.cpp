#include "cpu/team.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "cpu/isa.h"

namespace hotloop {
namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// A child of fork has none of its parent's OpenMP threads and must not wait for them.
std::atomic<bool> forked_after_use{false};
std::atomic<bool> used{false};
std::atomic<int> fork_count{0};
void on_fork_child() {
  ++fork_count;
  if (used.load(std::memory_order_relaxed)) forked_after_use.store(true, std::memory_order_relaxed);
}
[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, on_fork_child);

// "quota period" of a cgroup v2 directory, or the two files of v1, as CPUs; 0 when unlimited.
int quota_of(const std::string& directory) {
  double quota = 0, period = 0;
  std::string first;
  if (std::ifstream(directory + "/cpu.max") >> first >> period) {
    quota = first == "max" ? 0 : std::strtod(first.c_str(), nullptr);
  } else {
    std::ifstream(directory + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(directory + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? std::max(1, static_cast<int>(std::ceil(quota / period))) : 0;
}

// The tightest CPU quota from this process's cgroup up to the root; 0 when there is none.
int quota_cpus() {
  int tightest = 0;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string root = "/sys/fs/cgroup";
    if (!controllers.empty()) {
      if (("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
      root += "/" + controllers;
    }
    for (std::string path = line.substr(second + 1);; path.resize(path.find_last_of('/'))) {
      const int cpus = quota_of(root + path);
      if (cpus > 0 && (tightest == 0 || cpus < tightest)) tightest = cpus;
      if (path.find('/') == std::string::npos) break;
    }
  }
  return tightest;
}

int threads_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return 0;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  const bool whole = *end == '\0' || (*end == ',' && std::string(name) == "OMP_NUM_THREADS");
  require(whole && value >= 1 && value <= 4096, name, ": expected a whole number from 1 to 4096, got '", text,
          "'");
  return static_cast<int>(value);
}

std::atomic<int> chosen{0};

// How long the last team took to come together, and until when that is believed: a fiftieth of the time, at
// most, goes into finding out anew.
using Clock = std::chrono::steady_clock;
std::atomic<double> assembly_seconds{0};
std::atomic<Clock::rep> believed_until{0};
constexpr double kBelief = 50;

void record_assembly(Clock::time_point start) {
  const auto now = Clock::now();
  const std::chrono::duration<double> took = now - start;
  assembly_seconds.store(took.count(), std::memory_order_relaxed);
  const auto until = now + std::chrono::duration_cast<Clock::duration>(kBelief * took);
  believed_until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace

void Barrier::wait() {
  const unsigned phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == size_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    return;
  }
  // Tens of microseconds of spinning; then let whoever else wants this core have it.
  for (int spin = 0; phase_.load(std::memory_order_acquire) == phase; ++spin) {
    if (spin < 1000)
      pause();
    else
      sched_yield();
  }
}

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0
                 ? CPU_COUNT(&set)
                 : static_cast<int>(std::thread::hardware_concurrency());
  static const int quota = quota_cpus();
  if (quota > 0 && quota < cpus) cpus = quota;
  return cpus > 0 ? cpus : 1;
}

int num_threads() {
  if (const int threads = chosen.load(std::memory_order_relaxed)) return threads;
  if (const int threads = threads_from_environment("HOTLOOP_NUM_THREADS")) return threads;
  const int cpus = available_cpus();
  const int openmp = threads_from_environment("OMP_NUM_THREADS");
  return openmp > 0 ? openmp : cpus;
}

int forks() { return fork_count.load(std::memory_order_relaxed); }

int most_threads() {
  static const int most = std::max(64, 2 * available_cpus());
  return most;
}

void set_num_threads(int threads) {
  require(threads >= 1 && threads <= 4096, "set_num_threads: expected 1 to 4096 threads, got ", threads);
  chosen.store(threads, std::memory_order_relaxed);
}

int threads_worth(double seconds) {
  const int threads = num_threads();
  if (threads == 1 || chosen.load(std::memory_order_relaxed) > 0) return threads;
  const bool slow = assembly_seconds.load(std::memory_order_relaxed) > seconds / 2;
  return slow && Clock::now().time_since_epoch().count() < believed_until.load(std::memory_order_relaxed)
             ? 1
             : threads;
}

void run_team(int threads, const std::function<void(Team&)>& body) {
  isa_level();  // a wrong HOTLOOP_ISA must be told here: inside the team nobody could catch it
  if (threads <= 1 || omp_in_parallel() || forked_after_use.load(std::memory_order_relaxed)) {
    Barrier alone(1);
    Team team(0, 1, alone);
    body(team);
    return;
  }
  used.store(true, std::memory_order_relaxed);
  threads = std::min(threads, most_threads());
  // The runtime may grant fewer threads than asked for; the barrier counts those that came.
  std::optional<Barrier> meeting;
  const auto start = Clock::now();
#pragma omp parallel num_threads(threads)
  {
#pragma omp single
    meeting.emplace(omp_get_num_threads());
    if (omp_get_thread_num() == 0) record_assembly(start);
    Team team(omp_get_thread_num(), omp_get_num_threads(), *meeting);
    body(team);
  }
}

}  // namespace hotloop
