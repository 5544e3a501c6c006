#include <vector>

#include "base/aligned_buffer.h"
#include "cuda/context.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace hotloop {

const std::int8_t* place_weights_s8(const std::int8_t* packed, std::int64_t k, std::int64_t n,
                                    AlignedBuffer& keep) {
  const std::int64_t depth = placed_depth_s8(k), groups = (k + 3) / 4;
  std::vector<std::int8_t> columns(static_cast<std::size_t>(n * depth));
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < k; ++i)
      columns[static_cast<std::size_t>(j * depth + i)] =
          packed[((j / 16 * groups + i / 4) * 16 + j % 16) * 4 + i % 4];
  // Built outside any call with arrays: the stream of the last one may be gone.
  const cuda::ContextScope default_stream({});
  keep.reserve(n * depth);
  copy_block(keep.as<void>(), columns.data(), n * depth);
  // Other streams than this thread's may read them next.
  cuda::synchronize("placing int8 weights");
  return keep.as<std::int8_t>();
}

}  // namespace hotloop
