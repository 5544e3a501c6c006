// How many threads a raw kernel gets.
#pragma once
#include <cstdint>

#include "cpu/team.h"

namespace hotloop::bind {

// Elements from which a team pays: of arithmetic, and of work that only moves them.
constexpr std::int64_t kWorthComputing = 50'000, kWorthMoving = 200'000;

inline int threads_for(std::int64_t elements, std::int64_t worth = kWorthComputing) {
  constexpr double kSecondsPerElement = 5e-10;
  return elements < worth ? 1 : threads_worth(kSecondsPerElement * static_cast<double>(elements));
}

}  // namespace hotloop::bind
