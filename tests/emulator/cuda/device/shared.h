// Stands in for csrc/cuda/device/shared.h.
#pragma once
#include "fibers.h"

namespace hotloop {
namespace {

inline unsigned char* dynamic_shared() { return static_cast<unsigned char*>(emulator::dynamic_shared()); }

inline void store_shared(float* p, float a, float b, float c, float d) {
  p[0] = a, p[1] = b, p[2] = c, p[3] = d;
}

}  // namespace
}  // namespace hotloop
