// The data of a call: columns of rows, and how a batch of them gets into a program's buffers.
#pragma once
#include <cstdint>
#include <vector>

#include "base/types.h"

namespace hotloop {

// One array of `rows` rows; for inputs f32, u8 or i32, for targets f32 or i32. Rows of no size: there is
// none.
struct Column {
  const void* data = nullptr;
  std::int64_t row_size = 0;  // elements
  DType dtype = DType::f32;

  bool is_given() const { return row_size != 0; }
};

struct Feed {
  std::int64_t rows = 0;
  std::vector<Column> inputs;
  std::vector<Column> targets;          // one a loss head, none for `values`; empty for predict
  std::vector<Column> weights;          // one a loss head, with a number for each position; or none
  const std::int32_t* order = nullptr;  // row numbers in the order of their use, or null for 0, 1, 2, ...
};

// A run of rows of a feed.
struct Batch {
  std::int64_t first, rows;
};

// The rows of a batch to come, asked for a few at a time while another batch is at work: where they lie
// nothing in the hardware foresees, and waiting for them would be a good part of a small step.
class RowsAhead {
 public:
  RowsAhead() = default;
  RowsAhead(const Column& column, const std::int32_t* order, Batch batch, Share share);

  // The next places, `most` at most, that nobody has asked for yet. Caches fetch lines in pairs.
  int take(const void** places, int most);

 private:
  static constexpr std::int64_t kPair = 128;
  const char* data_ = nullptr;
  const std::int32_t* order_ = nullptr;
  std::int64_t row_bytes_ = 0, row_ = 0, end_ = 0, at_ = 0;
};

// Copies a batch of `column`, if there is one, to `out` (f32; i32 for i32), this rank's share of it.
void gather(const Column& column, const std::int32_t* order, Batch batch, void* out, Share share);
// The batch's rows where they lie, when there are any, contiguous and in no need of conversion; else null.
const void* in_place(const Column& column, const std::int32_t* order, Batch batch);

}  // namespace hotloop
