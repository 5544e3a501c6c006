#include "cpu/cache.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <numeric>
#include <stdexcept>

#include "base/error.h"

#ifdef HOTLOOP_X86_LEVELS
#include <cpuid.h>
#endif
#ifdef __linux__
#include <unistd.h>
#endif
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

namespace hotloop {
namespace {

constexpr std::int64_t kKilo = 1024, kMega = kKilo * kKilo;
// Nothing outside of these was ever built for what this library runs on: a hypervisor has made it up.
constexpr CacheLevel kLeast[] = {{4 * kKilo, 1}, {64 * kKilo, 1}, {0, 1}};
constexpr CacheLevel kMost[] = {{kMega, 64}, {256 * kMega, 64}, {std::int64_t{8} << 30, 256}};

CacheLevel& level_of(Caches& caches, int level) {
  return level == 1 ? caches.l1 : level == 2 ? caches.l2 : caches.l3;
}

bool is_sane(int level, const CacheLevel& cache) {
  const CacheLevel &least = kLeast[level - 1], &most = kMost[level - 1];
  return cache.bytes >= least.bytes && cache.bytes <= most.bytes && cache.ways >= least.ways &&
         cache.ways <= most.ways && cache.bytes % (cache.ways * Caches::kLine) == 0;
}

#ifdef HOTLOOP_X86_LEVELS
// Both leaves have one layout. AMD's has to be asked first: leaf 4 is reserved there.
void ask_cpu(Caches& found) {
  for (const unsigned leaf : {0x8000001Du, 4u}) {
    for (unsigned i = 0; i < 16; ++i) {
      unsigned a = 0, b = 0, c = 0, d = 0;
      if (__get_cpuid_count(leaf, i, &a, &b, &c, &d) == 0 || (a & 31) == 0) break;
      const unsigned kind = a & 31, level = a >> 5 & 7;  // 1: data, 2: instructions, 3: both
      if (kind == 2 || level < 1 || level > 3) continue;
      const std::int64_t line = (b & 0xfff) + 1, parts = (b >> 12 & 0x3ff) + 1, ways = (b >> 22) + 1;
      level_of(found, static_cast<int>(level)) = {ways * parts * line * (std::int64_t{c} + 1), ways};
    }
    if (found.l1.bytes > 0) return;
  }
}
#else
void ask_cpu(Caches&) {}
#endif

void ask_system([[maybe_unused]] Caches& found) {
#ifdef _SC_LEVEL1_DCACHE_SIZE
  found.l1 = {sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL1_DCACHE_ASSOC)};
  found.l2 = {sysconf(_SC_LEVEL2_CACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_ASSOC)};
  found.l3 = {sysconf(_SC_LEVEL3_CACHE_SIZE), sysconf(_SC_LEVEL3_CACHE_ASSOC)};
#elif defined(__APPLE__)
  const auto ask = [](const char* name) {
    std::int64_t bytes = 0;
    std::size_t size = sizeof bytes;
    return sysctlbyname(name, &bytes, &size, nullptr, 0) == 0 ? bytes : 0;
  };
  found.l1 = {ask("hw.l1dcachesize"), 8};
  found.l2 = {ask("hw.l2cachesize"), 8};
#endif
}

Caches ask_machine() {
  Caches cpu, system, found;
  ask_cpu(cpu);
  ask_system(system);
  const Caches common{{32 * kKilo, 8}, {512 * kKilo, 8}, {0, 1}};
  for (int level = 1; level <= 3; ++level)
    for (Caches from : {common, system, cpu})
      if (is_sane(level, level_of(from, level))) level_of(found, level) = level_of(from, level);
  return found;
}

// Reads a whole number at `at` and moves behind it; -1 where there is none.
std::int64_t number(const std::string& text, std::size_t& at) {
  std::int64_t value = -1;
  for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) && value < 1 << 30; ++at)
    value = std::max<std::int64_t>(value, 0) * 10 + (text[at] - '0');
  return value;
}

std::string size_text(std::int64_t bytes) {
  if (bytes % kMega == 0) return std::to_string(bytes / kMega) + "m";
  return bytes % kKilo == 0 ? std::to_string(bytes / kKilo) + "k" : std::to_string(bytes);
}

}  // namespace

Caches caches_from_text(const std::string& text, const Caches& machine) {
  Caches caches = machine;
  bool seen[4] = {};
  std::size_t at = 0;
  const auto expect = [&](bool holds, const char* what) {
    require(holds, "expected ", what, " at character ", at + 1, " of '", text.substr(0, 60),
            "'; a whole one is 'l1:32k:8,l2:1m:8': level, size in bytes or with k or m, ways");
  };
  const auto take = [&](char wanted) { return at < text.size() && std::tolower(text[at]) == wanted && ++at; };
  do {
    expect(take('l'), "'l1', 'l2' or 'l3'");
    const std::int64_t level = number(text, at);
    expect(level >= 1 && level <= 3 && !seen[level], "one of 'l1', 'l2', 'l3', each once,");
    seen[level] = true;
    expect(take(':'), "':'");
    CacheLevel& cache = level_of(caches, static_cast<int>(level));
    const std::int64_t size = number(text, at);
    expect(size >= 0, "a size");
    cache.bytes = size * (take('k') ? kKilo : take('m') ? kMega : 1);
    if (take(':')) cache.ways = number(text, at);
    expect(at == text.size() || text[at] == ',', "the end or ','");
    const CacheLevel &least = kLeast[level - 1], &most = kMost[level - 1];
    require(is_sane(static_cast<int>(level), cache), "expected l", level, " to have ", size_text(least.bytes),
            " to ", size_text(most.bytes), " in ", least.ways, " to ", most.ways,
            " ways of whole lines of 64 bytes, got ", cache.bytes, " bytes in ", cache.ways, " ways");
  } while (take(','));
  return caches;
}

const Caches& caches() {
  // Where this throws it is tried again by the next call.
  static const Caches found = [] {
    const Caches machine = ask_machine();
    const char* forced = std::getenv("HOTLOOP_CACHE");
    if (forced == nullptr || *forced == '\0') return machine;
    try {
      return caches_from_text(forced, machine);
    } catch (const std::exception& error) {
      throw std::runtime_error(message("HOTLOOP_CACHE: ", error.what()));
    }
  }();
  return found;
}

std::string cache_text(const Caches& caches) {
  std::string text;
  Caches all = caches;
  for (int level = 1; level <= 3; ++level) {
    const CacheLevel& cache = level_of(all, level);
    if (cache.bytes > 0)
      text += message(text.empty() ? "l" : ",l", level, ":", size_text(cache.bytes), ":", cache.ways);
  }
  return text;
}

bool rows_collide(const CacheLevel& level, std::int64_t stride, std::int64_t rows) {
  // How many share a set with the first. A little more or less than a whole way counts as well: neighbours
  // share a line's set.
  const std::int64_t way = level.way(), step = (stride % way + way) % way;
  std::int64_t together = 0;
  for (std::int64_t i = 0, at = 0; i < rows; ++i) {
    together += at < Caches::kLine || way - at < Caches::kLine;
    at += step;
    if (at >= way) at -= way;
  }
  return together >= level.ways;
}

bool strip_fits(const CacheLevel& level, std::int64_t stride, std::int64_t rows) {
  const std::int64_t way = level.way();
  const std::int64_t apart = std::max(std::gcd(stride, way), Caches::kLine);  // from one place to the next
  return rows <= way / apart * level.ways;
}

BlockSizes block_sizes(const Caches& caches) {
  constexpr std::int64_t kFloat = 4;
  const std::int64_t l1 = caches.l1.bytes, l2 = caches.l2.bytes;
  BlockSizes sizes;
  // Three quarters of a megabyte, at a second level of one megabyte (Zen 5) and of two (Sapphire Rapids).
  sizes.gemm_block = std::clamp(l2 / 4 * 3, 64 * kKilo, 768 * kKilo) / kFloat;
  // A tile's packed rows, 64 bytes a step, are half of a first level of 48 KB. In 32 KB they are three
  // quarters.
  sizes.gemm_depth = std::clamp<std::int64_t>(l1 / 4 * 3 / 64 / 64 * 64, 64, 384);
  sizes.gemm_guest = l2 / kFloat;
  // Half a megabyte on both machines.
  sizes.int8_rows = sizes.mixed_columns = std::min(l2 / 2, 512 * kKilo);
  // 56 x 512 with three more arrays beside it are 448 KB; 28 to 224 rows of 256 to 1024 columns are within
  // 3%.
  sizes.piece_cols = std::clamp(l2 / (2 * kKilo) / 64 * 64, std::int64_t{64}, std::int64_t{512});
  return sizes;
}

const BlockSizes& block_sizes() {
  static const BlockSizes sizes = block_sizes(caches());
  return sizes;
}

}  // namespace hotloop
