// Stands in for csrc/cuda/device/shared.h.
#pragma once
#include "fibers.h"

namespace hotloop {
namespace {

inline unsigned char* dynamic_shared() { return static_cast<unsigned char*>(emulator::dynamic_shared()); }

}  // namespace
}  // namespace hotloop
