// Long rows. A half warp alone would read its row from global memory once for each pass over it. Here a team
// of whole warps keeps the row in shared memory between one load and one store of every number. All threads
// compute; only sums, whose order is fixed, are left to one half warp. The teams of a block, which have a row
// each, take every step together.
#pragma once
#include "cuda/device/async_copy.h"
#include "cuda/device/rows.h"
#include "cuda/device/shared.h"

namespace hotloop {
namespace {

constexpr int kMostTeams = 8;
// A stage holds a row and zeros up to a multiple of this.
constexpr int kStageGrain = 8 * kLanes;

// How a launch's rows are shared out; cuda/launch_rows.h makes it.
struct StagedRows {
  std::int64_t rows = 0;
  // teams of a block; a team's threads are 2^size_log2; floats from stage to stage
  int cols = 0, teams = 0, size_log2 = 0, stride = 0;
};

// kWide neighbours, moved in one access.
template <int kWide>
struct alignas(4 * kWide) Floats {
  float at[kWide];
};
template <int kWide>
HOTLOOP_INLINE Floats<kWide> load_floats(const float* p) {
  return *reinterpret_cast<const Floats<kWide>*>(p);
}
template <int kWide>
HOTLOOP_INLINE void store_floats(float* p, const Floats<kWide>& x) {
  *reinterpret_cast<Floats<kWide>*>(p) = x;
}
template <int kWide>
HOTLOOP_INLINE void store_staged(float* p, const Floats<kWide>& x) {
  if constexpr (kWide == 4)
    store_shared(p, x.at[0], x.at[1], x.at[2], x.at[3]);
  else
    *p = x.at[0];
}

// f(k) for k = 0 to kWide - 1.
template <int kWide, class F>
HOTLOOP_INLINE Floats<kWide> each_of(F f) {
  Floats<kWide> result;
#pragma unroll
  for (int k = 0; k < kWide; ++k) result.at[k] = f(k).lane;
  return result;
}

// This thread's place.
struct Team {
  int rank, size, number;
  std::int64_t row;
  int cols;  // 0 for a team without a row: it has nothing to load, and takes part in the barriers
};
HOTLOOP_INLINE std::int64_t row_of(const StagedRows& rows, int team) {
  return static_cast<std::int64_t>(blockIdx.x) * rows.teams + team;
}
HOTLOOP_INLINE Team this_team(const StagedRows& rows) {
  const int size = 1 << rows.size_log2, thread = static_cast<int>(threadIdx.x);
  const int number = thread >> rows.size_log2;
  const std::int64_t row = row_of(rows, number);
  return {thread & (size - 1), size, number, row, row < rows.rows ? rows.cols : 0};
}
// A kernel has one or more stages for each team. Strides are 16 beyond a multiple of 32, so that the two half
// warps of a warp add from different banks.
HOTLOOP_INLINE float* stage_of(const StagedRows& rows, int stage, int team) {
  return reinterpret_cast<float*>(dynamic_shared()) + (stage * rows.teams + team) * rows.stride;
}

// body(i) for this thread's share of the team's row, kWide columns from i on at a time. A thread has the same
// share whenever it is asked.
template <int kWide, class Body>
HOTLOOP_INLINE void team_each(const Team& team, Body body) {
#pragma unroll 1
  for (int i = team.rank * kWide; i < team.cols; i += team.size * kWide) body(i);
}

HOTLOOP_INLINE void zero_tail(const StagedRows& rows, const Team& team, float* stage) {
  const int end = rows.stride - kLanes;
  for (int i = team.cols + team.rank; i < end; i += team.size) stage[i] = 0.0f;
}
// Starts copies of this thread's share to a stage, with zeros behind the row's end.
template <int kWide>
HOTLOOP_INLINE void stage_row(const StagedRows& rows, const Team& team, const float* from, float* stage) {
  constexpr int kBytes = 4 * kWide;
  team_each<kWide>(team, [&](int i) { copy_async<kBytes>(stage + i, from + i, kBytes); });
  copies_commit();
  zero_tail(rows, team, stage);
}
// What the block has copied is there.
HOTLOOP_INLINE void staged() {
  copies_wait<0>();
  __syncthreads();
}

// The largest number of this thread's share; NaNs are passed over.
template <int kWide>
HOTLOOP_INLINE float share_largest(const Team& team, const float* stage) {
  float most = -__builtin_inff();
  team_each<kWide>(team, [&](int i) {
    const Floats<kWide> x = load_floats<kWide>(stage + i);
#pragma unroll
    for (int k = 0; k < kWide; ++k) most = fmaxf(x.at[k], most);
  });
  return most;
}

// The largest of the team's numbers, for all its threads; once in a kernel. In whichever order: zeros of
// either sign may be taken for one another, which nothing made from a row's largest number shows.
HOTLOOP_INLINE float team_largest(const Team& team, float most) {
  __shared__ float warps[32];
#pragma unroll
  for (int step = 16; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, step));
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = most;
  __syncthreads();
  for (int w = 0; w < team.size / 32; ++w) most = fmaxf(most, warps[team.number * (team.size / 32) + w]);
  return most;
}

// Numbers that a team and the half warp which adds for it tell each other.
HOTLOOP_INLINE float& team_note(int which, int team) {
  __shared__ float notes[4][kMostTeams];
  return notes[which][team];
}

// add(load(i)) for vectors at i = from, from + 16, ... below `to`, in this order; loads run kAhead vectors
// ahead, as an addition takes less time than a load.
template <int kAhead, class Load, class Add>
HOTLOOP_INLINE void add_vectors(int from, int to, Load load, Add add) {
  static_assert(kStageGrain % (kAhead * kLanes) == 0);
  constexpr int kStep = kAhead * kLanes;
  if (from >= to) return;
  decltype(load(0)) now[kAhead], next[kAhead];
#pragma unroll
  for (int j = 0; j < kAhead; ++j) now[j] = load(from + j * kLanes);
#pragma unroll 1
  for (int i = from; i < to; i += kStep) {
    const int following = i + kStep < to ? i + kStep : i;
#pragma unroll
    for (int j = 0; j < kAhead; ++j) next[j] = load(following + j * kLanes);
#pragma unroll
    for (int j = 0; j < kAhead; ++j) add(now[j]);
#pragma unroll
    for (int j = 0; j < kAhead; ++j) now[j] = next[j];
  }
}

// The half warp that adds for a team of the block: has(), then team().
struct Adder {
  int teams;
  HOTLOOP_INLINE int team() const { return static_cast<int>(threadIdx.x) / kLanes; }
  HOTLOOP_INLINE bool has() const { return team() < teams; }
};

// make(i) for the team's columns, kWide from i on at a time, by whichever thread; then, by the team's adder,
// add(load(team, i)) for all vectors of a stage in their order. The zeros behind a row change no sum.
// A multiprocessor has only one or two blocks of the largest teams, so that nothing else would go on while
// one half warp adds: there it follows a part of the row behind those that make.
template <int kWide, int kAhead, class Make, class Load, class Add>
HOTLOOP_INLINE void make_and_add(const StagedRows& rows, const Team& team, Make make, Load load, Add add) {
  constexpr int kLargest = 1024, kAside = 32;
  const bool behind = team.size == kLargest;
  const int aside = behind ? kAside : 0, makers = team.size - aside;
  const int end = rows.stride - kLanes, part = behind ? (kLargest - kAside) * 4 : end;
  static_assert((kLargest - kAside) * 4 % kStageGrain == 0);
  const Adder adder{rows.teams};
  for (int made = 0, added = 0; added < end;) {
    const int next = made + part < end ? made + part : end, last = next < team.cols ? next : team.cols;
    if (adder.has()) add_vectors<kAhead>(added, made, [&](int i) { return load(adder.team(), i); }, add);
    if (team.rank >= aside) {
#pragma unroll 1
      for (int i = made + (team.rank - aside) * kWide; i < last; i += makers * kWide) make(i);
    }
    added = made;
    made = next;
    __syncthreads();
  }
}

// finish(team) by each adder, which notes what all can read afterwards.
template <class Finish>
HOTLOOP_INLINE void finish_sums(const StagedRows& rows, Finish finish) {
  const Adder adder{rows.teams};
  if (adder.has()) finish(adder.team());
  __syncthreads();
}

}  // namespace
}  // namespace hotloop
