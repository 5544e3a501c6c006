#include <cstring>

#include "cuda.h"
#include "cuda_runtime_api.h"

// Refuses what the driver refuses, of rank 2 and the swizzle of 128 bytes.
CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* base,
                                const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* box,
                                const cuuint32_t* steps, CUtensorMapInterleave, CUtensorMapSwizzle swizzle,
                                CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  const std::uint32_t element = type == CU_TENSOR_MAP_DATA_TYPE_UINT8 ? 1 : type == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 ? 2 : 4;
  bool right = rank == 2 && swizzle == CU_TENSOR_MAP_SWIZZLE_128B && box[0] * element == 128;
  right = right && reinterpret_cast<std::uintptr_t>(base) % 16 == 0 && strides[0] % 16 == 0 && strides[0] < std::uint64_t{1} << 40;
  for (int i = 0; i < 2; ++i)
    right = right && sizes[i] >= 1 && sizes[i] <= std::uint64_t{1} << 32 && box[i] >= 1 && box[i] <= 256 && steps[i] == 1;
  if (!right) return CUDA_ERROR_INVALID_VALUE;
  *map = {static_cast<const unsigned char*>(base), {sizes[0], sizes[1]}, strides[0], {box[0], box[1]}, element,
          type == CU_TENSOR_MAP_DATA_TYPE_TFLOAT32};
  return CUDA_SUCCESS;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  const bool known = std::strcmp(symbol, "cuTensorMapEncodeTiled") == 0;
  *function = known ? reinterpret_cast<void*>(&cuTensorMapEncodeTiled) : nullptr;
  *result = known ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
  return cudaSuccess;
}
