// Enumerations by the names that Python gives.
#pragma once
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace hotloop {

// The place of `name` among `names`; throws std::invalid_argument, which lists them, where it is none.
template <std::size_t count>
int index_of(const char* name, const char* const (&names)[count], const char* what) {
  for (std::size_t i = 0; i < count; ++i)
    if (std::strcmp(name, names[i]) == 0) return static_cast<int>(i);
  std::string known;
  for (const char* other : names) known.append(known.empty() ? "" : ", ").append(other);
  throw std::invalid_argument(message(what, ": expected one of ", known, ", got '", name, "'"));
}

}  // namespace hotloop
