// sin and cos: x = n pi/2 + r with |r| <= pi/4, a polynomial in r for each, and a choice among them by n
// modulo 4. n pi/2 is taken off in three parts (Cody and Waite) up to 2^17; beyond, n comes from more bits of
// 2/pi, as Payne and Hanek do ("Radian reduction for trigonometric functions", 1983). The polynomials are our
// own minimax fits.
#pragma once
#include "math/two_floats.h"

namespace hotloop {
namespace {

// For each power of 2 from 2^-6 to 2^104: its product with 2/pi modulo 4, cut into four floats of 24 bits.
struct TurnTable {
  static constexpr int kFirst = -6, kLast = 104, kParts = 4;
  float parts[(kLast - kFirst + 1) * kParts];
};

// 24 bits of 2/pi, of which the one worth 2^-position comes first.
constexpr std::int32_t bits_of_two_over_pi(int position) {
  constexpr std::uint32_t kWords[] = {0,          0xA2F9836E, 0x4E441529, 0xFC2757D1,
                                      0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB};
  std::uint32_t bits = 0;
  for (int at = position + 31; at < position + 55; ++at)
    bits = bits << 1 | (kWords[at / 32] >> (31 - at % 32) & 1);
  return static_cast<std::int32_t>(bits);
}

constexpr TurnTable make_turn_table() {
  TurnTable table{};
  for (int power = TurnTable::kFirst; power <= TurnTable::kLast; ++power) {
    float place = 1.0f / (1 << 22);  // of a part's last bit; the first part is below 4
    for (int part = 0; part < TurnTable::kParts; ++part, place /= 1 << 24)
      table.parts[(power - TurnTable::kFirst) * TurnTable::kParts + part] =
          static_cast<float>(bits_of_two_over_pi(power - 1 + 24 * part)) * place;
  }
  return table;
}
HOTLOOP_MATH_TABLE TurnTable kTurns = make_turn_table();

template <class T>
struct Angle {
  T quarters;  // whole
  T rest;      // radians
};

constexpr float kHalfPi = 1.5707963705f, kHalfPiRest = -4.3711388287e-8f;

// x from 2^17 on, and finite. As x = m 2^e with a whole m below 2^24, x 2/pi modulo 4 is the sum of m times
// the table's parts for 2^e; the rest may be as small as 2^-29, so what those products and their sums lose is
// kept.
template <class T>
HOTLOOP_MATH Angle<T> reduce_large(T x) {
  const auto bits = as_int(x);
  const T m = as_float((bits & like(bits, 0x007fffff)) | like(bits, (127 + 23) << 23));
  auto row = shift_right<23>(bits) - like(bits, 127 + 23 + TurnTable::kFirst);
  row = max(min(row, like(row, TurnTable::kLast - TurnTable::kFirst)), like(row, 0));
  const float* const table = &kTurns.parts[0];
  const auto place = shift_left<2>(row);
  const TwoFloats<T> first = two_product(m, look_up(table, place));
  const TwoFloats<T> second = two_product(m, look_up(table + 1, place));
  const TwoFloats<T> third = two_product(m, look_up(table + 2, place));
  const T fourth = m * look_up(table + 3, place);
  const T turn = round_even(first.high * like(x, 0.25f));
  const TwoFloats<T> a = two_sum(fnma(turn, like(x, 4.0f), first.high), first.low);
  const TwoFloats<T> b = two_sum(a.high, second.high);
  const T quarters = round_even(b.high);
  const TwoFloats<T> c = two_sum(b.high - quarters, a.low);
  const TwoFloats<T> d = two_sum(c.high, b.low);
  const TwoFloats<T> e = two_sum(d.high, second.low);
  const TwoFloats<T> f = two_sum(e.high, third.high);
  const T low = ((c.low + d.low) + (e.low + f.low)) + (third.low + fourth);
  const T half_pi = like(x, kHalfPi);
  return {quarters, fma(f.high, half_pi, fma(f.high, like(x, kHalfPiRest), low * half_pi))};
}

// x not below zero.
template <class T>
HOTLOOP_MATH_BIG Angle<T> reduce_angle(T x) {
  const T quarters = round_even(x * like(x, 0.63661974669f));
  T rest = fnma(quarters, like(x, kHalfPi), x);
  rest = fnma(quarters, like(x, kHalfPiRest), rest);
  rest = fnma(quarters, like(x, -1.7151245100e-15f), rest);
  const auto large = less_equal(like(x, 131072.0f), x);
  if (!any(large)) return {quarters, rest};
  const Angle<T> other = reduce_large(x);
  return {select(large, other.quarters, quarters), select(large, other.rest, rest)};
}

// sin(x + quarters pi/2) for x not below zero: NaN where x is infinite.
template <class T>
HOTLOOP_MATH_BIG T sin_of_positive(T x, std::int32_t quarters) {
  const Angle<T> angle = reduce_angle(x);
  const T r = angle.rest, z = r * r;
  const T p = polynomial(z, -1.9512027211e-4f, 8.3321370184e-3f, -1.6666653752e-1f);
  const T q = polynomial(z, 2.4434844818e-5f, -1.3887337409e-3f, 4.1666645557e-2f);
  const T one = like(x, 1.0f);
  const T sine = fma(r * z, p, r), cosine = fma(z * z, q, fma(z, like(x, -0.5f), one));
  const auto n = to_int(angle.quarters) + like(as_int(x), quarters);
  const auto odd = equal(to_float(n & like(n, 1)), one);
  const auto sign = shift_left<30>(n & like(n, 2));
  const T value = as_float(as_int(select(odd, cosine, sine)) ^ sign);
  return select(less(x, like(x, __builtin_inff())), value, x - x);
}

// Both within 1.6 ulp for every float.
template <class T>
HOTLOOP_MATH T sin(T x) {
  const auto sign = as_int(x) & like(as_int(x), INT32_MIN);
  return as_float(as_int(sin_of_positive(abs(x), 0)) ^ sign);
}
template <class T>
HOTLOOP_MATH T cos(T x) {
  return sin_of_positive(abs(x), 1);
}

}  // namespace
}  // namespace hotloop
