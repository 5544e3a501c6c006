// 16 parameters at a time: the arenas are read once and written once.
#include "cpu/simd/simd.h"

#include "ops/optimizer/optimizer_kernels.h"
#include "ops/optimizer/optimizer_rules.h"

namespace hotloop {
namespace {

template <class Rule>
HOTLOOP_INLINE void step_vector(const Splat& s, bool decays, float* w, const float* g, float* const* slots,
                                std::int64_t i, std::int64_t count) {
  Lanes x;
  x.w = load_or(w + i, count);
  x.g = load_or(g + i, count);
  for (int k = 0; k < kOptimizerSlots; ++k)
    if (Rule::uses(k)) x.slot[k] = load_or(slots[k] + i, count);
  step_lanes<Rule>(s, decays, x);
  store_or(w + i, x.w, count);
  for (int k = 0; k < kOptimizerSlots; ++k)
    if (Rule::uses(k)) store_or(slots[k] + i, x.slot[k], count);
}

// Memory is asked for ahead of its turn: so many streams at once are more than the hardware follows at full
// speed. Of a row, that is the same place one or more rows below, even past the end of the block: what comes
// next is most often there.
template <class Rule>
void step_block(const OptimizerScalars& scalars, const OptimizerBlock& b) {
  constexpr std::int64_t kAhead = 512;
  const Splat s = splat_all(scalars);
  const bool decays = scalars.decay != 0.0f;
  const std::int64_t rows_ahead = b.rows > 1 ? (kAhead + b.cols - 1) / b.cols : 0;
  const std::int64_t ahead = b.rows > 1 ? rows_ahead * b.row : kAhead;
  const std::int64_t g_ahead = b.rows > 1 ? rows_ahead * b.g_row : kAhead;
  const void *const *place = b.ahead, *const *places_end = b.ahead + b.ahead_count;
  for (std::int64_t row = 0; row < b.rows; ++row) {
    float *w = b.w + row * b.row, *slots[kOptimizerSlots];
    for (int k = 0; k < kOptimizerSlots; ++k) slots[k] = Rule::uses(k) ? b.slots[k] + row * b.row : nullptr;
    const float* g = b.g + row * b.g_row;
    std::int64_t i = 0;
    for (; i + kLanes <= b.cols; i += kLanes) {
      if (i % (4 * kLanes) == 0 && place < places_end) __builtin_prefetch(*place++);
      __builtin_prefetch(w + i + ahead, 1);
      __builtin_prefetch(g + i + g_ahead);
      for (int k = 0; k < kOptimizerSlots; ++k)
        if (Rule::uses(k)) __builtin_prefetch(slots[k] + i + ahead, 1);
      step_vector<Rule>(s, decays, w, g, slots, i, kLanes);
    }
    if (i < b.cols) step_vector<Rule>(s, decays, w, g, slots, i, b.cols - i);
  }
}

// Out of line, where it takes no registers from the sum that is nearly always enough.
template <class Term>
__attribute__((noinline)) float shrunk_block(const float* x, std::int64_t n) {
  return -sum_chains<Shrunk<Term>>(x, n);
}

template <class Term>
void sum_blocks(const float* x, std::int64_t n, float* partial, Share share) {
  const Range mine = share.of((n + kSumBlock - 1) / kSumBlock);
  for (std::int64_t b = mine.begin; b < mine.end; ++b) {
    const float* block = x + b * kSumBlock;
    const std::int64_t left = n - b * kSumBlock, count = left < kSumBlock ? left : kSumBlock;
    const float total = sum_chains<Term>(block, count);
    partial[b] = fits(total) ? total : shrunk_block<Term>(block, count);
  }
}

HOTLOOP_INLINE void regularize(const float* w, float* g, F32 l1, F32 twice_l2, std::int64_t count) {
  store_or(g, regularized(load_or(g, count), load_or(w, count), l1, twice_l2), count);
}

}  // namespace

namespace HOTLOOP_LEVEL {

void optimizer_step_kernel(const OptimizerScalars& s, const OptimizerBlock& b) {
  with_rule(s, [&](auto rule) { step_block<decltype(rule)>(s, b); });
}

void add_regularizer_gradient_kernel(const float* w, float* g, float l1, float twice_l2, std::int64_t n,
                                     Share share) {
  const F32 one = splat(l1), two = splat(twice_l2);
  const Range mine = share.of(n, 4 * kLanes);
  std::int64_t i = mine.begin;
  for (; i + kLanes <= mine.end; i += kLanes) regularize(w + i, g + i, one, two, kLanes);
  if (i < mine.end) regularize(w + i, g + i, one, two, mine.end - i);
}

void sum_squares_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share) {
  sum_blocks<Square>(x, n, partial, share);
}

void sum_absolute_blocks_kernel(const float* x, std::int64_t n, float* partial, Share share) {
  sum_blocks<Absolute>(x, n, partial, share);
}

}  // namespace HOTLOOP_LEVEL
}  // namespace hotloop
