#include "cuda/tensor_map.h"

#include "cuda/context.h"

namespace hotloop::cuda {
namespace {

// By name through the runtime: a library that links the driver could not be loaded where there is none.
decltype(&cuTensorMapEncodeTiled) find_encoder() {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result),
        "asking the driver for tensor maps");
  if (result != cudaDriverEntryPointSuccess || found == nullptr)
    throw Error(
        "the NVIDIA driver knows no tensor maps, which products on Hopper GPUs need; update the driver, "
        "or set HOTLOOP_CUDA_ENGINE=ampere");
  return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(found);
}

CUtensorMapDataType driver_type(MapType type) {
  return type == MapType::u8     ? CU_TENSOR_MAP_DATA_TYPE_UINT8
         : type == MapType::bf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                 : CU_TENSOR_MAP_DATA_TYPE_TFLOAT32;
}

}  // namespace

CUtensorMap tensor_map(const MapArgs& args) {
  static const auto encode = find_encoder();
  const auto element = static_cast<cuuint64_t>(map_element_bytes(args.type));
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(args.inner), static_cast<cuuint64_t>(args.outer)};
  const cuuint64_t strides[1] = {static_cast<cuuint64_t>(args.stride) * element};
  const cuuint32_t box[2] = {static_cast<cuuint32_t>(128 / element), static_cast<cuuint32_t>(args.box_outer)};
  const cuuint32_t steps[2] = {1, 1};
  CUtensorMap map;
  const CUresult status =
      encode(&map, driver_type(args.type), 2, const_cast<void*>(args.base), sizes, strides, box, steps,
             CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS)
    throw Error("the NVIDIA driver refused a tensor map (CUresult " +
                std::to_string(static_cast<int>(status)) + ")");
  return map;
}

}  // namespace hotloop::cuda
