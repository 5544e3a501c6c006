#include "program/feed.h"

namespace hotloop {

void gather_weights(const Feed& feed, std::int64_t positions, Batch batch, float* out) {
  for (std::int64_t i = 0; i < batch.rows; ++i) {
    const std::int64_t row = feed.order == nullptr ? batch.first + i : feed.order[batch.first + i];
    for (std::int64_t j = 0; j < positions; ++j) out[i * positions + j] = feed.weights[row];
  }
}

}  // namespace hotloop
