// How an operand's numbers come into shared memory: a slice is [depth][line + padding], a line being a row of
// A or a column of B. Whatever says where its numbers lie can be an operand of gemm_block.cuh: it has a Fetch
// with a constructor (operand, first line of the block) and next(slice, depth_left), which starts the copies
// of the next Depth steps of k, of which the first depth_left exist. Lines that don't exist may stay
// unwritten.
#pragma once
#include <cstdint>

#include "cuda/device/async_copy.h"

namespace hotloop {
namespace {

// Between the steps of k: 8 neighbours of them and 4 lines fall into 32 banks.
constexpr int kLinePadding = 4;

// Which neighbours in memory the threads of a warp copy: four lines each at once, single lines, or, where the
// steps of k are the neighbours, 8 steps of 4 lines each.
enum class FetchOrder : int { line_vectors, lines, steps };

// A matrix of any strides up to 2 GB.
struct StridedOperand {
  const float* data;
  int line, step;  // bytes from a line to the next, from a step of k to the next
  FetchOrder order;
  std::int64_t lines;

  template <int Lines, int Depth, int Threads>
  class Fetch {
   public:
    __device__ __forceinline__ Fetch(const StridedOperand& from, std::int64_t first_line) : from_(from) {
      const int t = static_cast<int>(threadIdx.x);
      int line;
      if (from.order == FetchOrder::line_vectors)
        line = t % (Lines / 4) * 4, step_ = t / (Lines / 4);
      else if (from.order == FetchOrder::lines)
        line = t % Lines, step_ = t / Lines;
      else
        line = t / 8 % 4 + t / 32 / (Depth / 8) * 4, step_ = t % 8 + t / 32 % (Depth / 8) * 8;
      const std::int64_t left = from.lines - first_line;
      whole_ = left >= Lines;
      lines_left_ = whole_ ? Lines : static_cast<int>(left) - line;
      to_ = step_ * (Lines + kLinePadding) + line;
      at_ = reinterpret_cast<const char*>(from.data) + (first_line + line) * from.line +
            std::int64_t{step_} * from.step;
    }

    __device__ __forceinline__ void next(float* slice, int depth_left) {
      if (whole_ && depth_left == Depth)
        copy<true>(slice + to_, depth_left);
      else
        copy<false>(slice + to_, depth_left);
      at_ += std::int64_t{from_.step} * Depth;
    }

   private:
    // kWhole: all of the slice exists, and nothing has to be asked.
    template <bool kWhole>
    __device__ __forceinline__ void copy(float* to, int depth_left) {
      if (from_.order == FetchOrder::line_vectors) {
        static_assert(Threads % (Lines / 4) == 0);
        const int left = lines_left_ < 4 ? lines_left_ : 4;
        copy_steps<16, Threads / (Lines / 4), kWhole>(to, depth_left, kWhole ? 16 : 4 * left);
      } else if (from_.order == FetchOrder::lines) {
        static_assert(Threads % Lines == 0);
        copy_steps<4, Threads / Lines, kWhole>(to, depth_left, 4);
      } else {
        constexpr int kApart = 4 * (Threads / 32 / (Depth / 8));
        static_assert(Threads / 32 % (Depth / 8) == 0 && Lines % kApart == 0);
        if (!kWhole && step_ >= depth_left) return;
#pragma unroll
        for (int i = 0; i < Lines; i += kApart)
          if (kWhole || i < lines_left_) copy_async<4>(to + i, at_ + std::int64_t{from_.line} * i, 4);
      }
    }
    template <int bytes, int kApart, bool kWhole>
    __device__ __forceinline__ void copy_steps(float* to, int depth_left, int valid) {
      constexpr bool kAllThreads = Depth % kApart == 0;
      if (!kWhole && lines_left_ <= 0) return;
#pragma unroll
      for (int i = 0; i < Depth; i += kApart)
        if ((kWhole && kAllThreads) || step_ + i < depth_left)
          copy_async<bytes>(to + i * (Lines + kLinePadding), at_ + std::int64_t{from_.step} * i, valid);
    }

    const StridedOperand& from_;
    const char* at_;
    int to_, step_, lines_left_;
    bool whole_;
  };
};

}  // namespace
}  // namespace hotloop
