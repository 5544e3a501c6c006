#include "ops/gemm_mixed/gemm_mixed.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/names.h"
#include "ops/bf16/bf16.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm_mixed/gemm_mixed_kernels.h"

namespace hotloop {
namespace {

constexpr const char* kNames[] = {"widened", "dot", "tiles"};  // in the order of the enumeration
constexpr std::int64_t kBlock = 2 * kMixedPanel;

void run_kernel([[maybe_unused]] Bf16Unit unit, [[maybe_unused]] const GemmMixedArgs& args,
                [[maybe_unused]] void* workspace) {
#ifdef HOTLOOP_X86_LEVELS
  if (unit == Bf16Unit::tiles)
    amx::gemm_mixed_kernel(args, workspace);
  else
    avx512_bf16::gemm_mixed_kernel(args, workspace);
#endif
}

template <class T>
void pack([[maybe_unused]] MixedSide side, [[maybe_unused]] const T* x,
          [[maybe_unused]] const MixedSource& from, [[maybe_unused]] std::uint16_t* packed,
          [[maybe_unused]] Range panels) {
#ifdef HOTLOOP_X86_LEVELS
  avx512_bf16::mixed_pack_kernel(side, x, from, packed, panels);
#endif
}

// Some CPUs do dot products of bfloat16 at half the rate of float32's multiply-adds, others at twice: only
// trying tells. Both sides work from the first-level cache, the best of twenty runs of some microseconds
// each.
[[maybe_unused]] bool dot_beats_float32() {
  constexpr std::int64_t kM = 16, kN = 48, kK = 256;
  const AlignedBuffer memory((kM * kK + kK * kN + kM * kN) * 4 + kMixedWorkspace);
  std::memset(memory.as<void>(), 0, static_cast<std::size_t>(memory.bytes()));
  auto* numbers = memory.as<float>();
  GemmArgs wide;
  wide.m = kM, wide.n = kN, wide.k = kK, wide.a_row = kK, wide.b_row = kN, wide.c_row = kN;
  wide.a = numbers, wide.b = numbers + kM * kK, wide.c = numbers + kM * kK + kK * kN;
  GemmMixedArgs pairs;
  pairs.m = kM, pairs.n = kN, pairs.k = kK, pairs.c_row = kN, pairs.c = wide.c;
  pairs.a = reinterpret_cast<const std::uint16_t*>(wide.a);
  pairs.b = reinterpret_cast<const std::uint16_t*>(wide.b);
  AlignedBuffer room(std::max(kMixedWorkspace, gemm_workspace(wide) * 4));
  const auto best_of = [](auto run) {
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      run();
      best = std::min(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  const auto by_dots = best_of([&] { run_kernel(Bf16Unit::dot, pairs, room.as<void>()); });
  // By so much that it pays for packing.
  return by_dots * 5 < best_of([&] { gemm(wide, room.as<float>(), Share{}); }) * 4;
}

// Of C, what falls to a rank: columns while there are plenty, since each rank packs its own.
struct Part {
  Range rows, cols;
};
Part part_of(std::int64_t m, std::int64_t n, Share share) {
  if (n >= 2 * kBlock * share.size || n >= m) return {{0, m}, share.of(n, kBlock)};
  return {share.of(m, kBlock), {0, n}};
}

void activate(const ActivationArgs& activation, float* c, std::int64_t c_row, std::int64_t rows,
              std::int64_t cols) {
  if (activation.kind == Activation::linear || activation.kind == Activation::relu) return;
  for (std::int64_t i = 0; i < rows; ++i)
    activation_forward(activation, c + i * c_row, c + i * c_row, cols, Share{});
}

// How a product of plain matrices is cut: numbers of k at a time, rows of A that are kept packed, rows packed
// just before their first use.
constexpr std::int64_t kMostDepth = 4096, kKeptRows = 2048, kFreshRows = 128, kWidenedRows = 384;

std::int64_t columns_at_a_time(const MatmulBf16Args& g) {
  return std::min(mixed_chunk(std::min(g.k, kMostDepth)), g.n);
}

bool beyond_caches(const MatmulBf16Args& g) {
  constexpr std::int64_t kLarge = 2 << 20;  // floats
  return g.c_bf16 == nullptr && g.m * g.n > kLarge && g.n % 16 == 0 &&
         reinterpret_cast<std::uintptr_t>(g.c) % kAlignment == 0;
}

// One block of rows and one of k; `a` and `b` have room for the packed operands.
void multiply_block(Bf16Unit unit, const MatmulBf16Args& g, Range rows, Range cols, Range depth,
                    std::uint16_t* a, std::uint16_t* b, void* workspace) {
  GemmMixedArgs x;
  x.k = depth.end - depth.begin, x.c_row = g.n, x.b = b;
  x.accumulate = depth.begin > 0;
  x.past_caches = beyond_caches(g) && x.k == g.k;
  const bool last = depth.end == g.k;
  x.activation.kind = last && g.activation.kind == Activation::relu ? Activation::relu : Activation::linear;
  const std::int64_t wide = columns_at_a_time(g), panel = mixed_panel_size(x.k);
  for (std::int64_t j = cols.begin; j < cols.end; j += wide) {
    const bool fresh = j == cols.begin;
    x.n = std::min(wide, cols.end - j);
    x.bias = g.bias != nullptr && depth.begin == 0 ? g.bias + j : nullptr;
    pack(MixedSide::b, g.b + depth.begin * g.n + j, {x.n, x.k, 1, g.n}, b, {0, mixed_panels(x.n)});
    for (std::int64_t i = rows.begin; i < rows.end; i += x.m) {
      x.m = std::min(fresh ? kFreshRows : kKeptRows, rows.end - i);
      std::uint16_t* strip = a + (i - rows.begin) / kMixedPanel * panel;
      if (fresh)
        pack(MixedSide::a, g.a + i * g.k + depth.begin, {x.m, x.k, g.k, 1}, strip, {0, mixed_panels(x.m)});
      x.a = strip;
      if (g.c_bf16 != nullptr)
        x.c_bf16 = g.c_bf16 + i * g.n + j;
      else
        x.c = g.c + i * g.n + j;
      run_kernel(unit, x, workspace);
      if (last) activate(g.activation, x.c, g.n, x.m, x.n);
    }
  }
}

void multiply_packed(Bf16Unit unit, const MatmulBf16Args& g, const Part& part, char* workspace) {
  auto* b = reinterpret_cast<std::uint16_t*>(workspace + kMixedWorkspace);
  std::uint16_t* a = b + mixed_packed_size(columns_at_a_time(g), std::min(g.k, kMostDepth));
  for (std::int64_t i = part.rows.begin; i < part.rows.end; i += kKeptRows)
    for (std::int64_t k = 0; k < g.k; k += kMostDepth)
      multiply_block(unit, g, {i, std::min(i + kKeptRows, part.rows.end)}, part.cols,
                     {k, std::min(k + kMostDepth, g.k)}, a, b, workspace);
}

GemmArgs widened_args(const MatmulBf16Args& g, std::int64_t m, std::int64_t n) {
  GemmArgs x;
  x.m = m, x.n = n, x.k = g.k;
  x.a_row = g.k, x.b_row = n, x.c_row = g.n;
  x.activation = g.activation;
  return x;
}

void multiply_widened(const MatmulBf16Args& g, const Part& part, char* workspace) {
  const std::int64_t n = part.cols.end - part.cols.begin;
  auto* b = reinterpret_cast<float*>(workspace);
  float* a = b + g.k * g.n;
  float* room = a + std::min(g.m, kWidenedRows) * g.k;
  room += -(room - b) & 15;
  for (std::int64_t k = 0; k < g.k; ++k) from_bf16(g.b + k * g.n + part.cols.begin, b + k * n, n, Share{});
  for (std::int64_t i = part.rows.begin; i < part.rows.end; i += kWidenedRows) {
    GemmArgs x = widened_args(g, std::min(kWidenedRows, part.rows.end - i), n);
    from_bf16(g.a + i * g.k, a, x.m * g.k, Share{});
    x.a = a, x.b = b, x.c = g.c + i * g.n + part.cols.begin;
    x.bias = g.bias != nullptr ? g.bias + part.cols.begin : nullptr;
    gemm(x, room, Share{});
  }
}

// An empty sum has nothing to pack.
bool takes_gemm(Bf16Unit unit, const MatmulBf16Args& g) { return unit == Bf16Unit::widened || g.k == 0; }

}  // namespace

Bf16Unit bf16_unit() {
#ifdef HOTLOOP_X86_LEVELS
  if (isa_level() == Isa::amx) return Bf16Unit::tiles;
  if (isa_level() == Isa::avx512_bf16) {
    static const bool dots = dot_beats_float32();
    return dots ? Bf16Unit::dot : Bf16Unit::widened;
  }
#endif
  return Bf16Unit::widened;
}

const char* bf16_unit_name(Bf16Unit unit) { return kNames[static_cast<int>(unit)]; }

Bf16Unit bf16_unit_from_name(const char* name) {
  const auto unit = static_cast<Bf16Unit>(index_of(name, kNames, "bfloat16 unit"));
  const Isa needed = unit == Bf16Unit::tiles ? Isa::amx
                     : unit == Bf16Unit::dot ? Isa::avx512_bf16
                                             : Isa::baseline;
  require(isa_level() >= needed, "bfloat16 unit: '", name, "' needs the ISA level '", isa_name(needed),
          "', but '", isa_name(isa_level()), "' is in force");
  return unit;
}

void mixed_pack(MixedSide side, const float* x, const MixedSource& from, std::uint16_t* packed, Share share) {
  pack(side, x, from, packed, share.of(mixed_panels(from.count)));
}
void mixed_pack(MixedSide side, const std::uint16_t* x, const MixedSource& from, std::uint16_t* packed,
                Share share) {
  pack(side, x, from, packed, share.of(mixed_panels(from.count)));
}

void gemm_mixed(Bf16Unit unit, const GemmMixedArgs& args, void* workspace, Share share) {
  GemmMixedArgs mine = args;
  const Part part = part_of(args.m, args.n, share);
  mine.m = part.rows.end - part.rows.begin, mine.n = part.cols.end - part.cols.begin;
  if (mine.m <= 0 || mine.n <= 0) return;
  const std::int64_t panel = mixed_panel_size(args.k);
  mine.a += part.rows.begin / kMixedPanel * panel;
  mine.b += part.cols.begin / kMixedPanel * panel;
  if (args.c_bf16 != nullptr)
    mine.c_bf16 += part.rows.begin * args.c_row + part.cols.begin;
  else
    mine.c += part.rows.begin * args.c_row + part.cols.begin;
  if (args.bias != nullptr) mine.bias += part.cols.begin;
  run_kernel(unit, mine, workspace);
  activate(args.activation, mine.c, mine.c_row, mine.m, mine.n);
}

bool matmul_bf16_rounds(Bf16Unit unit, const MatmulBf16Args& g) {
  const bool on_the_way = g.activation.kind == Activation::linear || g.activation.kind == Activation::relu;
  return !takes_gemm(unit, g) && g.k <= kMostDepth && on_the_way;
}

std::int64_t matmul_bf16_workspace(Bf16Unit unit, const MatmulBf16Args& g) {
  if (takes_gemm(unit, g))
    return 4 * (g.k * g.n + std::min(g.m, kWidenedRows) * g.k + kAlignment / 4 +
                gemm_workspace(widened_args(g, std::min(g.m, kWidenedRows), g.n)));
  const std::int64_t deepest = std::min(g.k, kMostDepth);
  return kMixedWorkspace + 2 * (mixed_packed_size(columns_at_a_time(g), deepest) +
                                mixed_packed_size(std::min(g.m, kKeptRows), deepest));
}

void matmul_bf16(Bf16Unit unit, const MatmulBf16Args& g, void* workspace, Share share) {
  const Part part = part_of(g.m, g.n, share);
  if (part.rows.end <= part.rows.begin || part.cols.end <= part.cols.begin) return;
  if (takes_gemm(unit, g))
    multiply_widened(g, part, static_cast<char*>(workspace));
  else
    multiply_packed(unit, g, part, static_cast<char*>(workspace));
}

}  // namespace hotloop
