#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {

const std::int8_t* place_weights_s8(const std::int8_t* packed, std::int64_t, std::int64_t, AlignedBuffer&) {
  return packed;
}

}  // namespace hotloop
