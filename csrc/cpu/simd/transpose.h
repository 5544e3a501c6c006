// Turns 16 vectors round: lane j of x[i] and lane i of x[j] change places.
#pragma once
#include "cpu/simd/simd.h"

namespace hotloop {
namespace {

#if defined(HOTLOOP_LEVEL_avx512)

HOTLOOP_INLINE void transpose(F32 (&x)[16]) {
  __m512 t[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // Each 128-bit lane becomes a 4 x 4 block's row.
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(x[i].v, x[i + 1].v));
    const __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(x[i].v, x[i + 1].v));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(x[i + 2].v, x[i + 3].v));
    const __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(x[i + 2].v, x[i + 3].v));
    t[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    t[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    t[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    t[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // Then the blocks themselves change places.
    const __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88),
                 b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
    x[i].v = _mm512_shuffle_f32x4(a, c, 0x88);
    x[i + 4].v = _mm512_shuffle_f32x4(b, d, 0x88);
    x[i + 8].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    x[i + 12].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}

// The transpose of sixteen rows of sixteen numbers, `row` apart in memory. Rows are put together from
// quarters as they are loaded, which leaves half of the shuffles.
HOTLOOP_INLINE void load_transposed(const float* p, std::int64_t row, F32 (&x)[16]) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    __m512 t[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      const float* from = p + r * row + 4 * i;
      t[r] = _mm512_castps128_ps512(_mm_loadu_ps(from));
      t[r] = _mm512_insertf32x4(t[r], _mm_loadu_ps(from + 4 * row), 1);
      t[r] = _mm512_insertf32x4(t[r], _mm_loadu_ps(from + 8 * row), 2);
      t[r] = _mm512_insertf32x4(t[r], _mm_loadu_ps(from + 12 * row), 3);
    }
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(t[0], t[1]));
    const __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(t[0], t[1]));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(t[2], t[3]));
    const __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(t[2], t[3]));
    x[4 * i].v = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    x[4 * i + 1].v = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    x[4 * i + 2].v = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    x[4 * i + 3].v = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
}

#elif defined(HOTLOOP_LEVEL_avx2)

HOTLOOP_INLINE void transpose8(__m256 (&x)[8]) {
  __m256 t[8];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(x[i], x[i + 1]));
    const __m256d b = _mm256_castps_pd(_mm256_unpackhi_ps(x[i], x[i + 1]));
    const __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(x[i + 2], x[i + 3]));
    const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(x[i + 2], x[i + 3]));
    t[i] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
    t[i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
    t[i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
    t[i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    x[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    x[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}

HOTLOOP_INLINE void transpose(F32 (&x)[16]) {
  __m256 a[8], b[8], c[8], d[8];  // [a b; c d] becomes [a' c'; b' d']
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) a[i] = x[i].lo, b[i] = x[i].hi, c[i] = x[i + 8].lo, d[i] = x[i + 8].hi;
  transpose8(a), transpose8(b), transpose8(c), transpose8(d);
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) x[i] = {a[i], c[i]}, x[i + 8] = {b[i], d[i]};
}

#else

HOTLOOP_INLINE void transpose(F32 (&x)[16]) {
  float from[16][16], to[16];
  for (int i = 0; i < 16; ++i) store(from[i], x[i]);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) to[j] = from[j][i];
    x[i] = load(to);
  }
}

#endif

#if !defined(HOTLOOP_LEVEL_avx512)
// The transpose of sixteen rows of sixteen numbers, `row` apart in memory.
HOTLOOP_INLINE void load_transposed(const float* p, std::int64_t row, F32 (&x)[16]) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) x[i] = load(p + i * row);
  transpose(x);
}
#endif

}  // namespace
}  // namespace hotloop
