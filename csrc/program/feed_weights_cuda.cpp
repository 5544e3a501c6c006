#include "ops/batch/batch.h"
#include "program/feed.h"

namespace hotloop {

void gather_weights(const Feed& feed, std::int64_t positions, Batch batch, float* out) {
  gather_weights_rows(feed.weights, feed.order, positions, batch.first, batch.rows, out);
}

}  // namespace hotloop
