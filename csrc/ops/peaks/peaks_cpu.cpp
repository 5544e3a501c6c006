#include "cpu/simd/simd.h"
#include "ops/peaks/peaks_kernels.h"
#include "ops/peaks/random_operands.h"

// What an invariant operand passes through each round, or the compiler would multiply once, before the loop.
#if defined(__aarch64__)
#define HOTLOOP_OPAQUE(x) asm volatile("" : "+w"(x))
#elif defined(__x86_64__)
#define HOTLOOP_OPAQUE(x) asm volatile("" : "+x"(x))
#else
#define HOTLOOP_OPAQUE(x) asm volatile("" : "+m"(x))
#endif

namespace hotloop {
namespace {

// Independent chains, and operands that they take in turn: as many as there are registers for. That is more
// than latency times ports.
#if defined(HOTLOOP_LEVEL_avx512)
constexpr int kChains = 24, kOperands = 2;
HOTLOOP_INLINE void renew(F32&) {}
HOTLOOP_INLINE void renew(U8x4&) {}
HOTLOOP_INLINE void keep(F32& x) { asm volatile("" : "+v"(x.v)); }
HOTLOOP_INLINE void keep(I32& x) { asm volatile("" : "+v"(x.v)); }
#elif defined(HOTLOOP_LEVEL_avx2)
constexpr int kChains = 5, kOperands = 1;
HOTLOOP_INLINE void renew(F32&) {}
HOTLOOP_INLINE void renew(U8x4& x) {
  HOTLOOP_OPAQUE(x.even);
  HOTLOOP_OPAQUE(x.odd);
}
template <class V>
HOTLOOP_INLINE void keep(V& x) {
  HOTLOOP_OPAQUE(x.lo);
  HOTLOOP_OPAQUE(x.hi);
}
#else
#if defined(__aarch64__)
constexpr int kChains = 5, kOperands = 1;
#else
constexpr int kChains = 2, kOperands = 1;
#endif
HOTLOOP_INLINE void renew(F32& x) {
  for (int i = 0; i < 4; ++i) HOTLOOP_OPAQUE(x.v[i]);
}
HOTLOOP_INLINE void renew(U8x4& x) {
  HOTLOOP_OPAQUE(x.even);
  HOTLOOP_OPAQUE(x.odd);
}
template <class V>
HOTLOOP_INLINE void keep(V& x) {
  for (int i = 0; i < 4; ++i) HOTLOOP_OPAQUE(x.v[i]);
}
#endif

}  // namespace

namespace HOTLOOP_LEVEL {

double spin_float32(std::int64_t rounds) {
  float numbers[(2 * kOperands + kChains) * kLanes];
  RandomBits().fill(numbers, (2 * kOperands + kChains) * kLanes);
  F32 a[kOperands], b[kOperands], chain[kChains];
#pragma GCC unroll 2
  for (int i = 0; i < kOperands; ++i) {
    a[i] = load(numbers + 2 * i * kLanes);
    b[i] = load(numbers + (2 * i + 1) * kLanes);
  }
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) chain[i] = load(numbers + (2 * kOperands + i) * kLanes);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 2
    for (int i = 0; i < kOperands; ++i) renew(a[i]);
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chain[i] = fma(a[i % kOperands], b[i / 2 % kOperands], chain[i]);
  }
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) keep(chain[i]);
  return 2.0 * kLanes * kChains * static_cast<double>(rounds);
}

double spin_int8(std::int64_t rounds) {
  std::int8_t bytes[4 * kLanes];
  RandomBits random;
  random.fill(bytes, 4 * kLanes);
  const S8x64 b = load_s8x64(bytes);
  U8x4 a[kOperands];
#pragma GCC unroll 2
  for (int i = 0; i < kOperands; ++i) {
    random.fill(bytes, 4);
    a[i] = splat_u8x4(reinterpret_cast<const std::uint8_t*>(bytes));
  }
  // Wider operands leave fewer registers below avx512, where each dot product is several instructions anyway.
  constexpr int chains = kChains < 24 ? 2 : kChains;
  I32 chain[chains];
#pragma GCC unroll 24
  for (int i = 0; i < chains; ++i) {
    chain[i] = splat(i);
    keep(chain[i]);
  }
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 24
    for (int i = 0; i < chains; ++i) {
      renew(a[i % kOperands]);
      chain[i] = dot4(chain[i], a[i % kOperands], b);
    }
#pragma GCC unroll 24
  for (int i = 0; i < chains; ++i) keep(chain[i]);
  return 8.0 * kLanes * chains * static_cast<double>(rounds);
}

// Four places at once, so that the prefetching of a single stream is not what limits it.
float stream_read(const float* x, std::int64_t n) {
  const std::int64_t quarter = n / 4;
  F32 sums[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) sums[i] = splat(0.0f);
  for (std::int64_t at = 0; at + 2 * kLanes <= quarter; at += 2 * kLanes)
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) sums[i] = sums[i] + load(x + i / 2 * quarter + at + i % 2 * kLanes);
#pragma GCC unroll 8
  for (int i = 1; i < 8; ++i) sums[0] = sums[0] + sums[i];
  return sum(sums[0]);
}

void stream_copy(const float* x, float* y, std::int64_t n) {
  const std::int64_t quarter = n / 4;
  for (std::int64_t at = 0; at + 2 * kLanes <= quarter; at += 2 * kLanes)
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const std::int64_t j = i / 2 * quarter + at + i % 2 * kLanes;
      store(y + j, load(x + j));
    }
}

void stream_update(float* p, const float* g, float* m, float* v, std::int64_t n) {
  const F32 keep_most = splat(0.9f), step = splat(-1e-3f);
  for (std::int64_t at = 0; at + kLanes <= n; at += kLanes) {
    const F32 gradient = load(g + at);
    const F32 first = fma(keep_most, load(m + at), gradient);
    const F32 second = fma(gradient, gradient, load(v + at) * keep_most);
    store(m + at, first);
    store(v + at, second);
    store(p + at, fma(step, first, load(p + at)));
  }
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
