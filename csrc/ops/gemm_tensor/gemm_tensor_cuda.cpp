#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/names.h"
#include "cuda/context.h"
#include "ops/gemm_tensor/gemm_tensor.h"
#include "ops/gemm_tensor/gemm_tensor_ampere.h"
#include "ops/gemm_tensor/gemm_tensor_hopper.h"

namespace hotloop {
namespace {

constexpr const char* kBlocks[] = {"large", "medium", "small"};  // in the order of the enumeration
constexpr std::int64_t kSides[] = {128, 64};

std::int64_t tiles(std::int64_t n, std::int64_t side) { return (n + side - 1) / side; }

// One of the leading dimensions, or another size that a mistake of the caller's would show in.
void check_leading(const char* name, std::int64_t leading, std::int64_t lines, std::int64_t line) {
  require(lines <= 1 || leading >= line, "gemm_tensor: expected ", name, " of at least ", line, ", got ",
          leading);
}

void check(TensorType type, const GemmTensorArgs& g) {
  require(type != TensorType::u8s8, "gemm_tensor: int8 operands go through gemm_int8");
  require(g.m >= 0 && g.n >= 0 && g.k >= 0, "gemm_tensor: expected no negative sizes, got m = ", g.m,
          ", n = ", g.n, ", k = ", g.k);
  check_leading("lda", g.lda, g.a_k_contiguous ? g.m : g.k, g.a_k_contiguous ? g.k : g.m);
  check_leading("ldb", g.ldb, g.b_k_contiguous ? g.n : g.k, g.b_k_contiguous ? g.k : g.n);
  check_leading("ldc", g.ldc, g.m, g.n);
  require(!(g.accumulate && g.c_bf16 != nullptr), "gemm_tensor: sums are added to float32 outputs only");
  require(is_elementwise(g.activation.kind), "gemm_tensor: expected an elementwise activation, got ",
          activation_name(g.activation.kind));
}

template <class Takes>
TensorEngine engine_for(Takes hopper_takes) {
  const cuda::DeviceLimits& gpu = cuda::device_limits();
  const char* forced = std::getenv("HOTLOOP_CUDA_ENGINE");
  const std::string wanted = forced != nullptr ? forced : "";
  require(wanted.empty() || wanted == "ampere" || wanted == "hopper",
          "HOTLOOP_CUDA_ENGINE: expected 'ampere' or 'hopper', got '", wanted, "'");
  if (gpu.capability() < 80)
    throw cuda::Error(message("tensor cores: expected a GPU of capability 8.0 or above, got ", gpu.name));
  if (wanted == "hopper" && gpu.capability() != 90)
    throw cuda::Error(
        message("HOTLOOP_CUDA_ENGINE: 'hopper' needs a GPU of capability 9.0, but this is ", gpu.name));
  const bool hopper = wanted != "ampere" && gpu.capability() == 90 && hopper_takes();
  return hopper ? TensorEngine::hopper : TensorEngine::ampere;
}

}  // namespace

TensorBlock tensor_block(std::int64_t m, std::int64_t n) {
  const std::int64_t processors = cuda::device_limits().multiprocessors;
  // Two thirds of the GPU with large tiles get more done than all of it with smaller ones.
  for (int i = 0; i < 2; ++i)
    if (3 * tiles(m, kSides[i]) * tiles(n, kSides[i]) >= 2 * processors) return static_cast<TensorBlock>(i);
  return TensorBlock::small;
}

TensorBlock tensor_block_from_name(const char* name) {
  return static_cast<TensorBlock>(index_of(name, kBlocks, "block"));
}

const char* tensor_engine_name(TensorEngine engine) {
  return engine == TensorEngine::hopper ? "hopper" : "ampere";
}

TensorEngine tensor_engine(TensorType type, const GemmTensorArgs& args) {
  return engine_for([&] { return hopper_takes(type, args); });
}
TensorEngine tensor_engine(const GemmInt8Args& args) {
  return engine_for([&] { return hopper_takes_int8(args); });
}

void gemm_tensor(TensorType type, const GemmTensorArgs& args) {
  check(type, args);
  if (args.m == 0 || args.n == 0) return;
  if (tensor_engine(type, args) == TensorEngine::hopper) return gemm_tensor_hopper(type, args);
  const TensorBlock block = tensor_block(args.m, args.n);
  type == TensorType::bf16 ? gemm_bf16_ampere(args, block) : gemm_tf32_ampere(args, block);
}

}  // namespace hotloop
