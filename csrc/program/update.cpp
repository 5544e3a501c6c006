#include "program/update.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace hotloop {
namespace {

// Stretches are kept sorted: models of thousands of layers have as many.
void sort(std::vector<Stretch>& stretches) {
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.offset < b.offset; });
}

// Of sorted stretches that don't overlap.
bool contains(const std::vector<Stretch>& stretches, std::int64_t offset) {
  const auto behind = std::upper_bound(stretches.begin(), stretches.end(), offset,
                                       [](std::int64_t at, const Stretch& s) { return at < s.offset; });
  return behind != stretches.begin() && offset < std::prev(behind)->offset + std::prev(behind)->size;
}

}  // namespace

Update::Update(UpdateSpec spec) : spec_(std::move(spec)) {
  sort(spec_.variables);
  sort(spec_.undecayed);
  std::int64_t partials = 0;
  const auto add_sum = [&](std::vector<BlockSum>& sums, Stretch where) {
    sums.push_back({where, partials});
    partials += block_count(where.size);
  };
  if (by_norm())
    for (const Stretch& where : spec_.variables) add_sum(gradient_sums_, where);
  for (const Regularizer& r : spec_.regularizers) {
    if (r.l2 != 0) {
      add_sum(squares_, r.where);
      square_factors_.push_back(r.l2);
    }
    if (r.l1 != 0) {
      add_sum(absolutes_, r.where);
      absolute_factors_.push_back(r.l1);
    }
  }
  partials_.reserve(partials * 4);
}

bool Update::decays(std::int64_t offset) const {
  return spec_.optimizer.weight_decay > 0 && !contains(spec_.undecayed, offset);
}

std::vector<Update::Segment> Update::segments(const std::vector<Stretch>& without) const {
  std::vector<Segment> found;
  for (std::size_t i = 0; i < spec_.variables.size(); ++i) {
    const Stretch where = spec_.variables[i];
    if (contains(without, where.offset)) continue;
    const bool decay = decays(where.offset);
    const int norm = spec_.clipnorm > 0 ? static_cast<int>(i) : -1;
    // Neighbours treated alike are one segment: the gap between them is alignment, and stays zero.
    if (!found.empty() && norm < 0) {
      Segment& before = found.back();
      const std::int64_t end = before.where.offset + before.where.size;
      if (before.decay == decay && where.offset - end < kAlignment / 4) {
        before.where.size = where.offset + where.size - before.where.offset;
        continue;
      }
    }
    found.push_back({where, decay, norm});
  }
  return found;
}

void Update::set_backward(const std::vector<std::int64_t>& reached,
                          const std::vector<std::vector<Stretch>>& could_be_hot) {
  unreached_.clear();
  const std::unordered_set<std::int64_t> known(reached.begin(), reached.end());
  for (const Stretch& variable : spec_.variables)
    if (known.count(variable.offset) == 0) unreached_.push_back(variable);

  const bool whole_first = by_norm() || !spec_.regularizers.empty();
  const auto is_variable = [&](const Stretch& s) {
    const auto at = std::lower_bound(spec_.variables.begin(), spec_.variables.end(), s.offset,
                                     [](const Stretch& v, std::int64_t offset) { return v.offset < offset; });
    return at != spec_.variables.end() && at->offset == s.offset && at->size == s.size;
  };
  std::vector<Stretch> hot;
  hot_.assign(could_be_hot.size(), 0);
  for (std::size_t i = 0; i < could_be_hot.size(); ++i) {
    const std::vector<Stretch>& own = could_be_hot[i];
    if (whole_first || own.empty() || !std::all_of(own.begin(), own.end(), is_variable)) continue;
    hot_[i] = 1;
    hot.insert(hot.end(), own.begin(), own.end());
  }
  sort(hot);
  all_ = segments({});
  cold_ = segments(hot);
}

OptimizerArgs Update::args_of(float learning_rate, std::int64_t iteration) const {
  OptimizerArgs args = spec_.optimizer;
  args.learning_rate = learning_rate;
  args.step = iteration;
  return args;
}

HotUpdate Update::hot_update(float* weights, float learning_rate, std::int64_t iteration) const {
  return {args_of(learning_rate, iteration), weights, spec_.slots, spec_.undecayed};
}

int Update::state_size() const {
  return static_cast<int>(std::count_if(std::begin(spec_.slots), std::end(spec_.slots),
                                        [](const float* slot) { return slot != nullptr; }));
}

std::int64_t Update::cold_size() const {
  std::int64_t size = 0;
  for (const Segment& segment : cold_) size += segment.where.size;
  return size;
}

std::int64_t Update::norm_size() const {
  std::int64_t size = 0;
  for (const BlockSum& sum : gradient_sums_) size += sum.where.size;
  return size;
}

}  // namespace hotloop
