// What a block of 256 threads does to 1024 parameters.
#pragma once
#include "cuda/device/lanes.h"

#include "ops/optimizer/optimizer_rules.h"

namespace hotloop {
namespace {

constexpr int kStepThreads = 256, kPerThread = 4, kStepTile = kStepThreads * kPerThread;
// Blocks a multiprocessor: a thousand threads with 64 bytes each on the way are twice what its share of the
// memory's bandwidth needs.
constexpr int kStepBlocks = 4;

// Where a tile begins.
struct StepPlace {
  float* w;
  const float* g;
  float* slots[kOptimizerSlots];
};

__device__ __forceinline__ void load_four(const float* from, float (&to)[kPerThread]) {
  const float4 four = *reinterpret_cast<const float4*>(from);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
__device__ __forceinline__ void store_four(float* to, const float (&from)[kPerThread]) {
  *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1], from[2], from[3]);
}

// The parameters of one thread.
template <class Rule>
struct StepFour {
  float w[kPerThread] = {}, g[kPerThread] = {}, slot[kOptimizerSlots][kPerThread] = {};

  static __device__ __forceinline__ bool is_on_16(const StepPlace& at) {
    std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(at.w) | reinterpret_cast<std::uintptr_t>(at.g);
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) bits |= reinterpret_cast<std::uintptr_t>(at.slots[k]);
    return bits % 16 == 0;
  }

  __device__ __forceinline__ void load(const StepPlace& at, int i) {
    load_four(at.w + i, w);
    load_four(at.g + i, g);
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) load_four(at.slots[k] + i, slot[k]);
  }
  __device__ __forceinline__ void store(const StepPlace& at, int i) const {
    store_four(at.w + i, w);
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) store_four(at.slots[k] + i, slot[k]);
  }
  __device__ __forceinline__ void load_one(const StepPlace& at, int i, int j) {
    w[j] = at.w[i];
    g[j] = at.g[i];
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) slot[k][j] = at.slots[k][i];
  }
  __device__ __forceinline__ void store_one(const StepPlace& at, int i, int j) const {
    at.w[i] = w[j];
#pragma unroll
    for (int k = 0; k < kOptimizerSlots; ++k)
      if (Rule::uses(k)) at.slots[k][i] = slot[k][j];
  }

  __device__ __forceinline__ void step(const Splat& s, bool decays) {
#pragma unroll
    for (int j = 0; j < kPerThread; ++j) {
      Lanes x{{w[j]}, {g[j]}, {{slot[0][j]}, {slot[1][j]}, {slot[2][j]}}};
      step_lanes<Rule>(s, decays, x);
      w[j] = x.w.lane;
#pragma unroll
      for (int k = 0; k < kOptimizerSlots; ++k) slot[k][j] = x.slot[k].lane;
    }
  }
};

// `left`: how many parameters there are from here on, those of later tiles included. All loads come before
// the first store: neighbours by fours, or where that can't be, a block of threads apart.
template <class Rule>
__device__ __forceinline__ void step_tile(const Splat& s, bool decays, const StepPlace& at,
                                          std::int64_t left) {
  StepFour<Rule> four;
  const int thread = static_cast<int>(threadIdx.x);
  if (left >= kStepTile && StepFour<Rule>::is_on_16(at)) {
    four.load(at, thread * kPerThread);
    four.step(s, decays);
    four.store(at, thread * kPerThread);
    return;
  }
#pragma unroll
  for (int j = 0; j < kPerThread; ++j)
    if (const int i = thread + j * kStepThreads; i < left) four.load_one(at, i, j);
  four.step(s, decays);
#pragma unroll
  for (int j = 0; j < kPerThread; ++j)
    if (const int i = thread + j * kStepThreads; i < left) four.store_one(at, i, j);
}

}  // namespace
}  // namespace hotloop
