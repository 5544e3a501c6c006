// A kernel in one line: declared for every level, and called by its name on the level in force.
#pragma once
#include "cpu/isa.h"

// HOTLOOP_KERNEL(relu, const float* x, float* y, std::int64_t n, Share share) declares relu_kernel, which
// relu_cpu.cpp and relu_cuda.cu define; relu(x, y, n, share) is the one of the level in force.
#define HOTLOOP_KERNEL(name, ...)                                   \
  HOTLOOP_PER_ISA(void name##_kernel(__VA_ARGS__);)                 \
  namespace {                                                       \
  [[maybe_unused]] constexpr auto name = [](const auto&... given) { \
    HOTLOOP_SELECT(name##_kernel)(given...);                        \
  };                                                                \
  }
