// The loops that are timed. spin_*: so many rounds of independent chains; each returns its operations.
#pragma once
#include <cstdint>

#include "cpu/isa.h"

namespace hotloop {

HOTLOOP_PER_ISA(double spin_float32(std::int64_t rounds); double spin_int8(std::int64_t rounds);
                float stream_read(const float* x, std::int64_t n);
                void stream_copy(const float* x, float* y, std::int64_t n);
                void stream_update(float* p, const float* g, float* m, float* v, std::int64_t n);)

#ifdef HOTLOOP_X86_LEVELS
namespace avx512_bf16 {
double spin_bfloat16_dot(std::int64_t rounds);
}
namespace amx {
double spin_bfloat16_tiles(std::int64_t rounds);
double spin_int8_tiles(std::int64_t rounds);
}  // namespace amx
#endif

}  // namespace hotloop
