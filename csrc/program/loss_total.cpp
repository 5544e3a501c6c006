#include "program/loss_total.h"

namespace hotloop {

LossTotal::LossTotal() = default;
void LossTotal::add(const HeadSpec& head, const HeadBuffers& buffers, std::int64_t rows) {
  total_ += sum_head_loss(head, buffers, rows);
}
double LossTotal::value() const { return total_; }

}  // namespace hotloop
