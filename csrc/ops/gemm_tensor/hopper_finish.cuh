// What the Hopper engine does with a tile's sums: the operations of epilogue.cuh and stores of 16 bytes.
// Nothing is called (a function that is not inlined would make the compiler wait after each wgmma), and the
// code stands there once for 64 columns: unrolled for all of a tile's it would take registers from the sums,
// and fill the instruction cache.
#pragma once
#include <type_traits>

#include "cuda/device/hopper.h"
#include "ops/gemm_tensor/epilogue.cuh"

namespace hotloop {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;
constexpr int kPartSums = 32;  // a thread's, of 64 columns

// Where a thread's sums lie in C: d[4 j + 2 h + e] at row + 8 h and column + 8 j + 2 quad + e.
struct FinishPlace {
  int row, column, quad;
  HOTLOOP_INLINE FinishPlace(int first_row, int first_column) : column(first_column) {
    const int thread = static_cast<int>(threadIdx.x) % 128;
    row = first_row + thread / 32 * 16 + thread % 32 / 4;
    quad = thread % 4;
  }
};

// Calls each(sum, row, column), which never lie outside of an m x n matrix: what does reads what is at its
// edge.
template <class T, class Each>
HOTLOOP_INLINE void for_each_sum(T (&d)[kPartSums], const FinishPlace& at, int m, int n, Each each) {
#pragma unroll
  for (int i = 0; i < kPartSums; ++i) {
    // Else the compiler would work out all places at once, and keep them for the next call.
    if (i % 16 == 0) n = kept_until_here(n);
    const int row = at.row + i % 4 / 2 * 8, column = at.column + i / 4 * 8 + 2 * at.quad + i % 2;
    each(d[i], row < m ? row : m - 1, column < n ? column : n - 1);
  }
}

// Calls each(sums, place) for 64 columns of a tile after the other.
template <class T, int count, class Each>
HOTLOOP_INLINE void for_each_part(const T (&d)[count], FinishPlace at, int m, int n, Each each) {
  if (at.row - at.row % 64 >= m) return;
#pragma unroll 1
  for (int part = 0; part < count / kPartSums && at.column < n; ++part, at.column += 64) {
    T x[kPartSums];
#pragma unroll
    for (int p = 0; p < count / kPartSums; ++p)
      if (p == part) {
        // Not to be mixed with the other parts' by conditional moves.
#pragma unroll
        for (int i = 0; i < kPartSums; ++i) x[i] = kept_until_here(d[kPartSums * p + i]);
      }
    each(x, at);
  }
}

// Sums that became floats may lie in int32s, as bits.
HOTLOOP_INLINE float as_float(float x) { return x; }
HOTLOOP_INLINE float as_float(std::int32_t bits) { return __int_as_float(bits); }
template <class T>
HOTLOOP_INLINE T with_bits(float x) {
  if constexpr (std::is_integral_v<T>)
    return __float_as_int(x);
  else
    return x;
}

// Any elementwise activation. Two registers at a time, the others moving up, so that no formula stands there
// more often and none of them is found by a number that the compiler does not know.
template <class T>
HOTLOOP_INLINE void apply_curve(T (&d)[kPartSums], const ActivationArgs& activation) {
  constexpr int kAtOnce = 2;
  with_formula(activation, [&](auto formula) {
#pragma unroll 1
    for (int round = 0; round < kPartSums / kAtOnce; ++round) {
      T y[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) y[i] = with_bits<T>(formula.value(F32{as_float(d[i])}).lane);
#pragma unroll
      for (int i = 0; i < kPartSums; ++i)
        d[i] = i + kAtOnce < kPartSums ? d[(i + kAtOnce) % kPartSums] : y[i % kAtOnce];
    }
  });
}

struct alignas(16) Words {
  std::uint32_t word[4];
};

// Gives the lower of two lanes both their firsts, the upper one both their seconds.
HOTLOOP_INLINE void trade(std::uint32_t& first, std::uint32_t& second, bool upper, int apart) {
  const std::uint32_t got = __shfl_xor_sync(kAllLanes, upper ? first : second, apart);
  (upper ? first : second) = got;
}
// Of four neighbouring lanes' four words each, lane q gets everyone's word q.
HOTLOOP_INLINE void transpose(Words& w, int quad) {
  trade(w.word[0], w.word[1], (quad & 1) != 0, 1);
  trade(w.word[2], w.word[3], (quad & 1) != 0, 1);
  trade(w.word[0], w.word[2], (quad & 2) != 0, 2);
  trade(w.word[1], w.word[3], (quad & 2) != 0, 2);
}

// C as T. vectors: whole tiles may be stored 16 bytes at a time.
template <class T>
struct TileStore {
  T* c;
  std::int64_t stride;
  int m, n;
  bool vectors;

  TileStore(T* c, std::int64_t stride, std::int64_t m, std::int64_t n)
      : c(c),
        stride(stride),
        m(static_cast<int>(m)),
        n(static_cast<int>(n)),
        vectors(reinterpret_cast<std::uintptr_t>(c) % 16 == 0 &&
                stride * static_cast<std::int64_t>(sizeof(T)) % 16 == 0) {}

  HOTLOOP_INLINE void vector(int row, int column, const Words& w) const {
    if (row < m) *reinterpret_cast<Words*>(c + row * stride + column) = w;
  }

  // as: what a sum becomes.
  template <class S, class As>
  HOTLOOP_INLINE void operator()(const S (&d)[kPartSums], const FinishPlace& at, As as) const {
    if (!vectors || at.column + 64 > n) return pairs(d, at, as);
#pragma unroll
    for (int i = 0; i < kPartSums; i += 16 / static_cast<int>(sizeof(T)) * 2)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        // The pairs of columns of this many sums: 2, 4 or 8 of them are a vector.
        const auto bits = [&](int pair, int e) {
          return static_cast<std::uint32_t>(bits_of(as(d[i + 4 * pair + 2 * h + e])));
        };
        const int row = at.row + 8 * h, column = at.column + 2 * i;
        if constexpr (sizeof(T) == 4) {
          Words w{bits(0, 0), bits(0, 1), bits(1, 0), bits(1, 1)};
          const bool odd = (at.quad & 1) != 0;
          trade(w.word[0], w.word[2], odd, 1);
          trade(w.word[1], w.word[3], odd, 1);
          vector(row, column + 8 * (at.quad & 1) + 4 * (at.quad / 2), w);
        } else if constexpr (sizeof(T) == 2) {
          Words w;
#pragma unroll
          for (int p = 0; p < 4; ++p) w.word[p] = bits(p, 0) | bits(p, 1) << 16;
          transpose(w, at.quad);
          vector(row, column + 8 * at.quad, w);
        } else {
          Words w, v;
#pragma unroll
          for (int p = 0; p < 4; ++p)
            w.word[p] =
                bits(2 * p, 0) | bits(2 * p, 1) << 8 | bits(2 * p + 1, 0) << 16 | bits(2 * p + 1, 1) << 24;
          transpose(w, at.quad);
#pragma unroll
          for (int p = 0; p < 2; ++p) {
            v.word[p] = (w.word[2 * p] & 0xffffu) | w.word[2 * p + 1] << 16;
            v.word[2 + p] = w.word[2 * p] >> 16 | (w.word[2 * p + 1] & 0xffff0000u);
          }
          vector(row, column + 16 * at.quad, v);
        }
      }
  }

  template <class S, class As>
  HOTLOOP_INLINE void pairs(const S (&d)[kPartSums], const FinishPlace& at, As as) const {
#pragma unroll
    for (int i = 0; i < kPartSums; i += 2) {
      const int row = at.row + i % 4 / 2 * 8, column = at.column + i / 4 * 8 + 2 * at.quad;
      if (row >= m || column >= n) continue;
      T* const to = c + row * stride + column;
      to[0] = as(d[i]);
      if (column + 1 < n) to[1] = as(d[i + 1]);
    }
  }

  HOTLOOP_INLINE static std::uint32_t bits_of(float x) { return __float_as_uint(x); }
  template <class U>
  HOTLOOP_INLINE static std::uint32_t bits_of(U x) {
    return static_cast<std::uint32_t>(x);
  }
};

// GemmTensorArgs's. curve: an activation that is neither linear nor relu.
template <bool curve>
struct FloatFinish {
  FloatEpilogue to;
  TileStore<float> floats;
  TileStore<std::uint16_t> halves;

  explicit FloatFinish(const GemmTensorArgs& g)
      : to(g), floats(g.c, g.ldc, g.m, g.n), halves(g.c_bf16, g.ldc, g.m, g.n) {}

  template <int count>
  HOTLOOP_INLINE void operator()(const float (&d)[count], int first_row, int first_column) const {
    const int m = floats.m, n = floats.n;
    for_each_part(
        d, FinishPlace(first_row, first_column), m, n, [&](float(&x)[kPartSums], const FinishPlace& at) {
          if (to.bias != nullptr)
            for_each_sum(x, at, m, n,
                         [&](float& sum, int, int column) { sum = __fadd_rn(sum, to.bias[column]); });
          if (to.accumulate)
            for_each_sum(x, at, m, n, [&](float& sum, int row, int column) {
              sum = __fadd_rn(to.c[row * to.ldc + column], sum);
            });
          if constexpr (curve)
            apply_curve(x, to.activation);
          else if (to.activation.kind == Activation::relu)
            for_each_sum(x, at, m, n, [](float& sum, int, int) { sum = Relu{}.value(F32{sum}).lane; });
          if (to.c_bf16 != nullptr)
            halves(x, at, [](float value) { return bf16_of(value); });
          else
            floats(x, at, [](float value) { return value; });
        });
  }
};

// GemmInt8Args's.
template <bool curve>
struct Int8Finish {
  Int8Epilogue to;
  TileStore<std::int32_t> sums;
  TileStore<float> floats;
  TileStore<std::uint8_t> bytes;

  explicit Int8Finish(const GemmInt8Args& g)
      : to(g),
        sums(static_cast<std::int32_t*>(g.c), g.c_row, g.m, g.n),
        floats(static_cast<float*>(g.c), g.c_row, g.m, g.n),
        bytes(static_cast<std::uint8_t*>(g.c), g.c_row, g.m, g.n) {}

  template <int count>
  HOTLOOP_INLINE void operator()(const std::int32_t (&d)[count], int first_row, int first_column) const {
    for_each_part(d, FinishPlace(first_row, first_column), sums.m, sums.n,
                  [&](std::int32_t(&x)[kPartSums], const FinishPlace& at) { part(x, at); });
  }

  HOTLOOP_INLINE void part(std::int32_t (&x)[kPartSums], const FinishPlace& at) const {
    const GemmInt8Args& g = to.g;
    const int m = sums.m, n = sums.n;
    const bool by_row = g.row_scale != nullptr;
    if (g.bias != nullptr)
      for_each_sum(x, at, m, n,
                   [&](std::int32_t& sum, int, int column) { sum = (I32{sum} + I32{g.bias[column]}).lane; });
    if (by_row)
      for_each_sum(x, at, m, n, [&](std::int32_t& sum, int row, int column) {
        sum = (I32{sum} - I32{g.row_zero_point[row]} * I32{g.column_sum[column]}).lane;
      });
    if (g.output == Int8Output::s32) return sums(x, at, [](std::int32_t sum) { return sum; });
    // From here on the registers hold the bits of floats.
    const auto each = [&](auto change) {
      for_each_sum(x, at, m, n, [&](std::int32_t& bits, int row, int column) {
        bits = __float_as_int(change(__int_as_float(bits), row, column));
      });
    };
    const auto number = [](float bits) { return to_float(I32{__float_as_int(bits)}).lane; };
    if (by_row)
      each([&](float sum, int row, int column) {
        return __fmul_rn(number(sum), __fmul_rn(g.row_scale[row], g.scale[column]));
      });
    else
      each([&](float sum, int, int column) { return __fmul_rn(number(sum), g.scale[column]); });
    if (by_row && g.float_bias != nullptr)
      each([&](float value, int, int column) { return __fadd_rn(value, g.float_bias[column]); });
    if constexpr (curve)
      apply_curve(x, g.activation);
    else if (g.activation.kind == Activation::relu)
      each([](float value, int, int) { return max(F32{value}, F32{0.0f}).lane; });
    if (g.output == Int8Output::f32)
      floats(x, at, [](std::int32_t bits) { return __int_as_float(bits); });
    else
      bytes(x, at, [&](std::int32_t bits) { return to.byte(__int_as_float(bits)); });
  }
};

}  // namespace
}  // namespace hotloop
