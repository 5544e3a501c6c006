// From Python's arrays to a feed: rows, dtypes and layouts are checked against the graph.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "bind/arrays.h"
#include "program/feed.h"
#include "program/graph.h"

namespace hotloop::bind {

using Arrays = std::vector<Operand>;
using MaybeEach = std::vector<Maybe>;

// Inputs float32 or uint8, or int32 where the graph says so; targets float32 or int32, or None; weights
// float32; one row for each entry of the first axis. What targets and weights are for is checked where they
// are used.
Feed make_feed(const Graph& graph, const Arrays& inputs, const MaybeEach& targets = {},
               const Arrays& weights = {}, const HostMaybe& order = std::nullopt);

// Where results go, an array of `rows` rows for each output; or nowhere.
std::vector<float*> output_pointers(const Graph& graph, const std::vector<ValueId>& ids,
                                    const Arrays& outputs, std::int64_t rows);

}  // namespace hotloop::bind
