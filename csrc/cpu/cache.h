// The data caches of this machine, asked once, and what follows from them: how large blocks are, and which
// rows can't lie in a cache side by side. Only the way to a result depends on it, never a bit of the result.
#pragma once
#include <cstdint>
#include <string>

namespace hotloop {

struct CacheLevel {
  std::int64_t bytes = 0, ways = 0;

  // Bytes so far apart fall into the same set.
  constexpr std::int64_t way() const { return bytes / ways; }
};

struct Caches {
  static constexpr std::int64_t kLine = 64;
  CacheLevel l1, l2, l3;  // l3.bytes is 0 where there is none
};

// What HOTLOOP_CACHE says, such as "l1:32k:8,l2:1m" (level:size, then ways or those that the machine has),
// for what it leaves out the machine's own, and where the machine is silent or says what no machine has, a
// small common one. Throws std::runtime_error where HOTLOOP_CACHE can't be read.
const Caches& caches();
// The same as HOTLOOP_CACHE would be written.
std::string cache_text(const Caches& caches);
// By the grammar above, over `machine`; throws std::invalid_argument.
Caches caches_from_text(const std::string& text, const Caches& machine);

// Whether `rows` rows, `stride` bytes apart, of which a line each is in use at a time, throw each other out
// of the cache while something else comes by: as many share a set as it has ways.
bool rows_collide(const CacheLevel& level, std::int64_t stride, std::int64_t rows);
// Whether one line of each of `rows` rows, used again only after all the others, stays in the cache.
bool strip_fits(const CacheLevel& level, std::int64_t stride, std::int64_t rows);

// The one table of sizes that follow from the caches; where each comes from stands in cache.cpp.
struct BlockSizes {
  // Floats of the float32 product's block that stays in the second level, how deep it is where the product
  // packs it itself, and from how many on a matrix is no guest of that level.
  std::int64_t gemm_block, gemm_depth, gemm_guest;
  // Bytes of an int8 product's rows, and of a bfloat16 product's columns, that stay in the second level.
  std::int64_t int8_rows, mixed_columns;
  // Columns of a piece of a kernel's gradient that is still there, beside parameters and state, when the
  // optimizer takes it up.
  std::int64_t piece_cols;
};
BlockSizes block_sizes(const Caches& caches);
const BlockSizes& block_sizes();

}  // namespace hotloop
