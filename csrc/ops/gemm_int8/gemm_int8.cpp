#include "ops/gemm_int8/gemm_int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#ifndef HOTLOOP_CUDA_HALF
#include "cpu/cache.h"
#endif
#include "ops/gemm_int8/gemm_int8_kernels.h"

namespace hotloop {
namespace {

// Which rows and columns a rank computes. Weights are the larger part of most layers: sharing out the columns
// has each of them read by one rank alone.
Int8Part part_of(const GemmInt8Args& args, Share share) {
  constexpr std::int64_t kRowGrain = 16, kColumnGrain = 64;
  const bool by_rows =
      args.m >= 2 * kRowGrain * share.size && (args.m > args.n || args.n < kColumnGrain * share.size);
  if (by_rows) return {.rows = share.of(args.m, kRowGrain), .cols = {0, args.n}};
  const std::int64_t grain = args.n < 2 * kColumnGrain * share.size ? 16 : kColumnGrain;
  return {.rows = {0, args.m}, .cols = share.of(args.n, grain)};
}

#ifndef HOTLOOP_CUDA_HALF
// Rows of a that share the cache's sets are read fewer at a time, with ways left for two panels of weights.
void fit_caches(Int8Part& part, const GemmInt8Args& args) {
  const CacheLevel& l1 = caches().l1;
  const std::int64_t rows = std::min(args.m, kTallestInt8Tile);
  const bool collide = args.k >= 1024 && rows_collide(l1, args.a_row, rows);
  part.high = collide ? std::clamp<std::int64_t>(l1.ways - 2, 1, kTallestInt8Tile) : kTallestInt8Tile;
  part.block = block_sizes().int8_rows;
}

// What ends in registers: nothing of a row's own, and no activation that wants all its numbers in memory.
bool is_plain(const GemmInt8Args& args) {
  return args.row_scale == nullptr && args.output != Int8Output::s32 && !args.backwards &&
         (args.activation.kind == Activation::linear || args.activation.kind == Activation::relu);
}
#endif

}  // namespace

void pack_weights_s8(const std::int8_t* weights, std::int64_t k, std::int64_t n, std::int8_t* packed) {
  const std::int64_t groups = (k + 3) / 4;
  std::memset(packed, 0, static_cast<std::size_t>(packed_size_s8(k, n)));
  for (std::int64_t row = 0; row < k; ++row)
    for (std::int64_t col = 0; col < n; ++col)
      packed[((col / 16 * groups + row / 4) * 16 + col % 16) * 4 + row % 4] = weights[row * n + col];
}

void column_sums_s8(const std::int8_t* packed, std::int64_t k, std::int64_t n, std::int32_t* sums,
                    std::int64_t* absolute) {
  const std::int64_t groups = (k + 3) / 4;
  for (std::int64_t col = 0; col < n; ++col) {
    std::int32_t sum = 0;
    std::int64_t magnitude = 0;
    const std::int8_t* four = packed + (col / 16 * groups * 16 + col % 16) * 4;
    for (std::int64_t group = 0; group < groups; ++group, four += 64)
      for (int i = 0; i < 4; ++i) {
        sum += four[i];
        magnitude += four[i] < 0 ? -four[i] : four[i];
      }
    sums[col] = sum;
    if (absolute != nullptr) absolute[col] = magnitude;
  }
}

void fold_int8(const Int8Folding& layer, const std::int8_t* packed, std::int64_t k, std::int64_t n,
               std::int32_t* bias32, float* multiplier) {
  std::vector<std::int64_t> absolute(static_cast<std::size_t>(n));
  column_sums_s8(packed, k, n, bias32, absolute.data());
  for (std::int64_t j = 0; j < n; ++j) {
    const double step = static_cast<double>(layer.in_scale) * layer.weight_scale[j];
    multiplier[j] = static_cast<float>(step / layer.divisor);
    require(std::isfinite(step) && step > 0 && std::isfinite(multiplier[j]),
            "int8 weights: expected a positive ", "finite scale for channel ", j, ", got ",
            layer.weight_scale[j]);
    const double bias = layer.bias != nullptr ? std::nearbyint(layer.bias[j] / step) : 0.0;
    require(
        std::abs(bias) + 255.0 * static_cast<double>(absolute[static_cast<std::size_t>(j)]) < 2147483648.0,
        "int8 weights: the bias of channel ", j, ", ", layer.bias != nullptr ? layer.bias[j] : 0.0f,
        ", does not fit beside weights of scale ", layer.weight_scale[j],
        "; tell quantize_weights the bias and the input's scale");
    bias32[j] = static_cast<std::int32_t>(bias) - layer.in_zero_point * bias32[j];
  }
}

void gemm_int8(const GemmInt8Args& args, Share share) {
  Int8Part part = part_of(args, share);
  if (part.rows.begin == part.rows.end || part.cols.begin == part.cols.end) return;
#ifdef HOTLOOP_X86_LEVELS
  if (isa_level() == Isa::amx && args.m >= kTilePaysRows && args.k >= kTilePaysDepth)
    return amx::gemm_int8_kernel(args, part);
#endif
#ifndef HOTLOOP_CUDA_HALF
  if (args.m == 1 && is_plain(args)) return HOTLOOP_SELECT(one_row_gemm_int8_kernel)(args, part.cols);
  fit_caches(part, args);
#endif
  HOTLOOP_SELECT(gemm_int8_kernel)(args, part);
}

}  // namespace hotloop
