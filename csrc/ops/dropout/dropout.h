// Inverted dropout with a mask that is drawn again instead of stored.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"

namespace hotloop {

// Which mask: it is the same for the same seed, step and layer, whoever draws it and in whatever pieces.
struct DropoutArgs {
  float rate = 0.0f;  // in [0, 1]: the part of the elements that become zero
  std::uint64_t seed = 0;
  std::uint64_t step = 0;    // its lower 32 bits count
  std::uint32_t stream = 0;  // one number for each dropout layer of a program
};

// y[i] = kept(i) ? x[i] / (1 - rate) : 0 (or +=): forward, and backward with the gradients in x's and y's
// place. x may be y. Element i is kept when the upper 24 bits of its Philox word are below (1 - rate) 2^24.
// Its word: with i = 64 b + 16 j + lane it is word j of counter (16 b + lane, step), b below 2^28.
void dropout(const DropoutArgs& args, const float* x, float* y, bool accumulate, std::int64_t n, Share share);
void dropout_ref(const DropoutArgs& args, const float* x, float* y, bool accumulate, std::int64_t n);

}  // namespace hotloop
