#include "base/philox.h"
#include "cuda/device/lanes.h"
#include "cuda/launch.h"
#include "ops/dropout/dropout_kernels.h"

namespace hotloop {
namespace {

// A thread draws one counter, whose four words are for elements 16 apart: all four are loaded before the
// first is stored, as x may be y.
template <bool kAccumulate>
__global__ void __launch_bounds__(256)
    dropout_blocks(DropoutMask mask, const cuda::DeviceStep* step, const float* x, float* y, std::int64_t n) {
  const std::int64_t counter = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t first = counter / kLanes * kDropoutBlock + lane_index();
  float from[4] = {}, before[4] = {};
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const std::int64_t i = first + j * kLanes;
    if (i < n) from[j] = x[i];
    if (kAccumulate && i < n) before[j] = y[i];
  }
  const std::uint32_t drawn =
      mask.counter[0] + (step != nullptr ? static_cast<std::uint32_t>(step->iteration) : 0u);
  const Philox4 words = philox(std::uint64_t{mask.key[1]} << 32 | mask.key[0],
                               std::uint64_t{drawn} << 32 | static_cast<std::uint32_t>(counter),
                               std::uint64_t{mask.counter[2]} << 32 | mask.counter[1]);
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const std::int64_t i = first + j * kLanes;
    const bool kept = static_cast<std::int32_t>(words.word[j] >> 8) < mask.keep_below;
    const float value = kept ? __fmul_rn(from[j], mask.scale) : 0.0f;
    if (i < n) y[i] = kAccumulate ? __fadd_rn(before[j], value) : value;
  }
}

}  // namespace

namespace cuda {

void dropout_kernel(const DropoutMask& mask, const float* x, float* y, bool accumulate, std::int64_t n,
                    Share) {
  const std::int64_t counters = divide_up(n, kDropoutBlock) * kLanes;
  launch("dropout", accumulate ? dropout_blocks<true> : dropout_blocks<false>,
         {dim3(static_cast<unsigned>(divide_up(counters, 256))), dim3(256)}, mask, context().step, x, y, n);
}

}  // namespace cuda
}  // namespace hotloop
