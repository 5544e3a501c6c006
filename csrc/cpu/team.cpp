#include "cpu/team.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "cpu/cache.h"
#include "cpu/isa.h"
#include "cpu/pool.h"
#include "cpu/wait.h"

namespace hotloop {
namespace {

// Never destroyed: its threads wait in it until the process ends.
Pool& pool() {
  static Pool& pool = *new Pool;
  return pool;
}

std::atomic<int> fork_count{0};
void on_fork_child() {
  ++fork_count;
  pool().forget();
}
[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, on_fork_child);
// Known before the first fork can be: a child waits for ever for what another thread was finding out just
// then.
[[maybe_unused]] const bool found_out = (pool(), most_threads() > 0);

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

// Until when what the last team took to come together is believed: a fiftieth of the time, at most, goes into
// finding out anew.
using Clock = std::chrono::steady_clock;
std::atomic<Clock::rep> believed_until{0};
constexpr double kBelief = 50;

void believe(std::chrono::duration<double> assembly) {
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(kBelief * assembly);
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
  wait_until([&] { return phase_.load(std::memory_order_acquire) != phase; });
}

void Relay::wait_for(int rank, std::uint64_t mark) const {
  const std::atomic<std::uint64_t>& seen = places_[static_cast<std::size_t>(rank)].mark;
  wait_until([&] { return seen.load(std::memory_order_acquire) >= mark; });
}

int available_cpus() {
  // A system call and a search in files: too long to be made before every small product.
  static std::atomic<int> known{0};
  static std::atomic<Clock::rep> until{0};
  const Clock::time_point now = Clock::now();
  if (const int cpus = known.load(std::memory_order_relaxed);
      cpus > 0 && now.time_since_epoch().count() < until.load(std::memory_order_relaxed))
    return cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof set, &set) == 0
                 ? CPU_COUNT(&set)
                 : static_cast<int>(std::thread::hardware_concurrency());
  static const int quota = quota_cpus();
  if (quota > 0 && quota < cpus) cpus = quota;
  cpus = std::max(cpus, 1);
  known.store(cpus, std::memory_order_relaxed);
  until.store((now + std::chrono::milliseconds(1)).time_since_epoch().count(), std::memory_order_relaxed);
  return cpus;
}

int num_threads() {
  if (const int threads = chosen.load(std::memory_order_relaxed)) return threads;
  static const int own = threads_from_environment("HOTLOOP_NUM_THREADS");
  if (own > 0) return own;
  static const int openmp = threads_from_environment("OMP_NUM_THREADS");
  return openmp > 0 ? openmp : available_cpus();
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
  const bool slow = pool().assembly().count() > seconds / 2;
  return slow && Clock::now().time_since_epoch().count() < believed_until.load(std::memory_order_relaxed)
             ? 1
             : threads;
}

void run_team(int threads, void (*body)(void* context, Team& team), void* context) {
  // A wrong HOTLOOP_ISA or HOTLOOP_CACHE must be told here: inside the team nobody could catch it.
  isa_level();
  caches();
  if (threads > 1 && pool().run(std::min(threads, most_threads()), body, context))
    return believe(pool().assembly());
  Barrier alone(1);
  Team team(0, 1, alone);
  body(context, team);
}

}  // namespace hotloop
