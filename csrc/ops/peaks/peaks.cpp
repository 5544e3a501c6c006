#include "ops/peaks/peaks.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "base/names.h"
#include "cpu/team.h"
#include "ops/peaks/peaks_kernels.h"

namespace hotloop {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Best units a second of the team, where body(share, repeats) does repeats x units of them on each thread.
// The first runs find how many repeats are a short run, and let the clock settle at what the units allow.
double best_rate(int threads, double seconds, double units,
                 const std::function<void(Share, std::int64_t)>& body) {
  constexpr double kShortRun = 5e-4;
  std::int64_t repeats = 1;
  double best = 0;
  bool done = false;
  run_team(threads, [&](Team& team) {
    const Clock::time_point begin = Clock::now();
    while (!done) {
      team.barrier();
      const Clock::time_point start = Clock::now();
      body(team.share(), repeats);
      team.barrier();
      if (team.rank() == 0) {
        const double took = seconds_since(start);
        if (took < kShortRun)
          repeats *= 2;
        else
          best = std::max(best, units * static_cast<double>(repeats * team.size()) / took);
        done = best > 0 && seconds_since(begin) > seconds;
      }
      team.barrier();
    }
  });
  return best;
}

double (*spinner(Peak peak))(std::int64_t) {
  switch (peak) {
#ifdef HOTLOOP_X86_LEVELS
    case Peak::bfloat16_dot:
      return avx512_bf16::spin_bfloat16_dot;
    case Peak::bfloat16_tiles:
      return amx::spin_bfloat16_tiles;
    case Peak::int8_tiles:
      return amx::spin_int8_tiles;
#endif
    case Peak::int8:
      return HOTLOOP_SELECT(spin_int8);
    default:
      return HOTLOOP_SELECT(spin_float32);
  }
}

void require_sense(int threads, double seconds) {
  require(threads >= 1 && threads <= most_threads(), "threads: expected 1 to ", most_threads(), ", got ",
          threads);
  require(seconds > 0 && seconds <= 60, "seconds: expected more than 0 and at most 60, got ", seconds);
}

constexpr const char* kPeakNames[] = {"float32", "int8", "bfloat16_dot", "bfloat16_tiles", "int8_tiles"};
constexpr const char* kStreamNames[] = {"read", "copy", "update"};

}  // namespace

Peak peak_from_name(const char* name) { return static_cast<Peak>(index_of(name, kPeakNames, "peak")); }
Stream stream_from_name(const char* name) {
  return static_cast<Stream>(index_of(name, kStreamNames, "stream"));
}

bool has_peak(Peak peak) {
  switch (peak) {
    case Peak::bfloat16_dot:
      return isa_level() >= Isa::avx512_bf16;
    case Peak::bfloat16_tiles:
    case Peak::int8_tiles:
      return isa_level() == Isa::amx;
    default:
      return true;
  }
}

double measure_peak(Peak peak, int threads, double seconds) {
  require_sense(threads, seconds);
  require(has_peak(peak), "peak: ", kPeakNames[static_cast<int>(peak)], " needs instructions that level ",
          isa_name(isa_level()), " does not have");
  constexpr std::int64_t kRounds = 100;
  double (*const spin)(std::int64_t) = spinner(peak);
  const double operations = spin(1) * kRounds;
  return best_rate(threads, seconds, operations,
                   [&](Share, std::int64_t repeats) { spin(repeats * kRounds); });
}

double measure_stream(Stream stream, float* memory, std::int64_t bytes, int threads, double seconds) {
  require_sense(threads, seconds);
  require(bytes >= kStreamBytes * threads, "bytes: expected at least ", kStreamBytes, " a thread, got ",
          bytes);
  const std::int64_t arrays = stream == Stream::read ? 1 : stream == Stream::copy ? 2 : 4;
  // A thread's arrays lie side by side, and a few lines apart beyond that: at equal places within their pages
  // a load would wait for the store of another array.
  constexpr std::int64_t kLine = 16, kApart = 5 * kLine, kGrain = 8 * kLine;
  const std::int64_t mine = bytes / 4 / threads / kLine * kLine;
  const std::int64_t size = (mine / arrays - kApart) / kGrain * kGrain;
  const double moved = static_cast<double>(size) * 4 *
                       (stream == Stream::read   ? 1
                        : stream == Stream::copy ? 2
                                                 : 7);
  const auto array = [&](Share share, int i) { return memory + share.rank * mine + i * (size + kApart); };
  run_team(threads, [&](Team& team) { std::fill_n(array(team.share(), 0), mine, 0.25f); });
  return best_rate(threads, seconds, moved, [&](Share share, std::int64_t repeats) {
    float* const a = array(share, 0);
    for (std::int64_t i = 0; i < repeats; ++i) {
      if (stream == Stream::read)
        HOTLOOP_SELECT(stream_read)(a, size);
      else if (stream == Stream::copy)
        HOTLOOP_SELECT(stream_copy)(a, array(share, 1), size);
      else
        HOTLOOP_SELECT(stream_update)(a, array(share, 1), array(share, 2), array(share, 3), size);
    }
  });
}

}  // namespace hotloop
