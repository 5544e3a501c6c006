// Stands in for csrc/cuda/device/hopper.h.
#pragma once
#include "fibers.h"

namespace hotloop {
namespace {

constexpr bool kHopper = true;
constexpr int kWarpgroup = 128;

inline int cluster_rank() { return emulator::current().cta; }
inline void cluster_sync() { emulator::cluster_barrier(); }

template <class T>
T kept_until_here(T x) {
  return x;
}

template <int registers>
void give_registers() {
  static_assert(registers % 8 == 0 && registers >= 24 && registers <= 256);
}
template <int registers>
void take_registers() {
  static_assert(registers % 8 == 0 && registers >= 24 && registers <= 256);
}

}  // namespace
}  // namespace hotloop
