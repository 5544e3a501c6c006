// What this machine can do at most, found by running it: arithmetic in registers, and streams through memory.
// Both are called from outside a team and open their own; each gives the best of several short runs.
#pragma once
#include <cstdint>

#include "base/types.h"

namespace hotloop {

// float32: multiply-adds of the level in force (where the CPU has none, the library's exact substitute).
// int8: unsigned times signed with int32 sums, exact; below avx512 that means widening to 16 bits first.
// The others need a level of their own: dot products of bfloat16 pairs, and AMX tiles.
enum class Peak { float32, int8, bfloat16_dot, bfloat16_tiles, int8_tiles };
Peak peak_from_name(const char* name);
// Whether the level in force has the instructions.
bool has_peak(Peak peak);
// Operations a second of the whole team; a multiply and an add are two.
double measure_peak(Peak peak, int threads, double seconds);

// read: sums one array. copy: from one array to another. update: an optimizer's traffic, four arrays read and
// three of them written.
enum class Stream { read, copy, update };
Stream stream_from_name(const char* name);
// Bytes read plus bytes written a second, where all the arrays together take `bytes` of the memory. Its
// contents are overwritten. bytes must be at least kStreamBytes a thread.
constexpr std::int64_t kStreamBytes = 4096;
double measure_stream(Stream stream, float* memory, std::int64_t bytes, int threads, double seconds);

}  // namespace hotloop
