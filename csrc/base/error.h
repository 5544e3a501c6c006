// Errors as Python will show them: what was expected, what came, how to mend it.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace hotloop {

template <class... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// ValueError in Python. Only at the door (X.cpp, program, bind), never in a kernel or inside a team.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) throw std::invalid_argument(message(parts...));
}

}  // namespace hotloop
