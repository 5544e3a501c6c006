#include "program/feed.h"

#include "ops/batch/batch.h"

namespace hotloop {

RowsAhead::RowsAhead(const Column& column, const std::int32_t* order, Batch batch, Share share)
    : data_(static_cast<const char*>(column.data)),
      order_(order),
      row_bytes_(column.row_size * size_of(column.dtype)) {
  const Range mine = share.of(batch.rows);
  row_ = batch.first + mine.begin, end_ = batch.first + mine.end;
}

int RowsAhead::take(const void** places, int most) {
  int count = 0;
  while (count < most && row_ < end_) {
    const std::int64_t row = order_ == nullptr ? row_ : order_[row_];
    places[count++] = data_ + row * row_bytes_ + at_;
    at_ += kPair;
    if (at_ >= row_bytes_) at_ = 0, ++row_;
  }
  return count;
}

void gather(const Column& column, const std::int32_t* order, Batch batch, void* out, Share share) {
  if (!column.is_given()) return;
  const std::int32_t* index = order == nullptr ? nullptr : order + batch.first;
  switch (column.dtype) {
    case DType::u8:
      gather_rows_u8(static_cast<const std::uint8_t*>(column.data), column.row_size, index, batch.first,
                     batch.rows, static_cast<float*>(out), share);
      break;
    case DType::i32:
      gather_rows_i32(static_cast<const std::int32_t*>(column.data), column.row_size, index, batch.first,
                      batch.rows, static_cast<std::int32_t*>(out), share);
      break;
    default:
      gather_rows_f32(static_cast<const float*>(column.data), column.row_size, index, batch.first, batch.rows,
                      static_cast<float*>(out), share);
  }
}

const void* in_place(const Column& column, const std::int32_t* order, Batch batch) {
  if (order != nullptr || column.dtype == DType::u8 || !column.is_given()) return nullptr;
  return static_cast<const char*>(column.data) + batch.first * column.row_size * size_of(column.dtype);
}

}  // namespace hotloop
