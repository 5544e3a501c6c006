#include "program/constants.h"

namespace hotloop {

const void* place_bytes(const void* host, std::int64_t, AlignedBuffer&) { return host; }

}  // namespace hotloop
