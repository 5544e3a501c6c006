// CUDA C++ for a C++ compiler: the words of the language, and what a thread can ask for. Only for tests.
#pragma once
#include <cfenv>
#include <cmath>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cuda_runtime_api.h"
#include "fibers.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static  // blocks run one after the other
#define __forceinline__ inline
#define __noinline__
#define __launch_bounds__(...)
#define __grid_constant__
#define __restrict__ __restrict
#define __align__(n) alignas(n)

// The running fiber's.
extern thread_local emulator::Index3 threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(4) uchar4 {
  unsigned char x, y, z, w;
};
struct alignas(4) char4 {
  signed char x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline void __syncthreads() { emulator::block_barrier(); }
inline void __threadfence() {}
inline void __threadfence_block() {}

namespace emulator {

template <class T>
T shuffle(unsigned mask, T value, int source_lane) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t mine = 0, all[32];
  std::memcpy(&mine, &value, sizeof(T));
  exchange(mask, mine, all);
  if ((mask >> source_lane & 1) == 0) fail("a shuffle reads a lane that its mask does not name");
  T result;
  std::memcpy(&result, &all[source_lane], sizeof(T));
  return result;
}

}  // namespace emulator

inline void __syncwarp(unsigned mask = 0xffffffffu) {
  std::uint64_t all[32];
  emulator::exchange(mask, 0, all);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int lane = emulator::current().lane();
  return emulator::shuffle(mask, value, lane / width * width + (source & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const int lane = emulator::current().lane(), source = lane ^ bits;
  return emulator::shuffle(mask, value, source / width > lane / width ? lane : source);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = emulator::current().lane(), source = lane + static_cast<int>(delta);
  return emulator::shuffle(mask, value, source / width > lane / width ? lane : source);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = emulator::current().lane(), source = lane - static_cast<int>(delta);
  return emulator::shuffle(mask, value, source < lane / width * width ? lane : source);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  std::uint64_t all[32];
  emulator::exchange(mask, predicate != 0, all);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; ++i)
    if ((mask >> i & 1) != 0 && all[i] != 0) votes |= 1u << i;
  return votes;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return std::sqrt(a); }
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline int __float2int_rn(float a) {
  if (!(a < 2147483648.0f)) return a != a ? 0 : 2147483647;
  return a < -2147483648.0f ? -2147483647 - 1 : static_cast<int>(std::nearbyintf(a));
}
inline int __float2int_rz(float a) {
  if (!(a < 2147483648.0f)) return a != a ? 0 : 2147483647;
  return a < -2147483648.0f ? -2147483647 - 1 : static_cast<int>(a);
}
inline int __float_as_int(float a) {
  int bits;
  std::memcpy(&bits, &a, sizeof(bits));
  return bits;
}
inline float __int_as_float(int bits) {
  float a;
  std::memcpy(&a, &bits, sizeof(a));
  return a;
}
inline unsigned __float_as_uint(float a) { return static_cast<unsigned>(__float_as_int(a)); }
inline float __uint_as_float(unsigned bits) { return __int_as_float(static_cast<int>(bits)); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(std::uint64_t{a} * b >> 32); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += static_cast<std::int8_t>(a >> i) * static_cast<std::int8_t>(b >> i);
  return c;
}
template <class T>
T __ldg(const T* p) {
  return *p;
}
template <class T>
T __ldcs(const T* p) {
  return *p;
}
template <class T>
void __stcs(T* p, T value) {
  *p = value;
}
template <class T>
T atomicAdd(T* p, T value) {
  const T before = *p;
  *p = before + value;
  return before;
}
template <class T>
T atomicOr(T* p, T value) {
  const T before = *p;
  *p = before | value;
  return before;
}
template <class T>
T atomicMax(T* p, T value) {
  const T before = *p;
  if (value > before) *p = value;
  return before;
}

enum cudaLaunchAttributeID { cudaLaunchAttributeClusterDimension = 4 };
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    dim3 clusterDim;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};

namespace emulator {

// Not 0 once a kernel has faulted: then nothing runs until somebody has waited, and been told.
int launch_status();
// Runs the task now, or keeps it for the graph that the stream is capturing.
int run_or_capture(cudaStream_t stream, const std::function<int()>& task);

}  // namespace emulator

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... args) {
  auto packed = std::make_tuple(std::decay_t<P>(std::forward<A>(args))...);
  const dim3 grid = config->gridDim, block = config->blockDim;
  const std::size_t shared = config->dynamicSmemBytes;
  const unsigned cluster = config->numAttrs > 0 ? config->attrs[0].val.clusterDim.x : 1;
  return static_cast<cudaError_t>(emulator::run_or_capture(config->stream, [=] {
    if (emulator::launch_status() != 0) return 0;
    emulator::run_grid("(launched)", {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared,
                       [&] { std::apply(kernel, packed); }, cluster);
    return 0;
  }));
}
