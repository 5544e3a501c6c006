// The instruction-set levels, the one in force, and how a kernel is chosen by it.
#pragma once

namespace hotloop {

// Every kernel is compiled for the first three. The two above are avx512 with one more unit, and have kernels
// of their own only where it helps: avx512_bf16 has dot products of bfloat16 pairs, amx also tiles of
// bfloat16 and int8.
enum class Isa : int { baseline = 0, avx2 = 1, avx512 = 2, avx512_bf16 = 3, amx = 4 };

// The level in force: the best the CPU and the build have, or what HOTLOOP_ISA or set_isa asked for.
// Throws std::runtime_error where HOTLOOP_ISA names an unknown level or one this CPU lacks.
Isa isa_level();
Isa best_isa_level();
void set_isa_level(Isa level);
const char* isa_name(Isa level);
Isa isa_from_name(const char* name);

}  // namespace hotloop

// Declares a kernel in the namespace of every level that is built:
//   HOTLOOP_PER_ISA(void relu(const float* x, float* y, std::int64_t n, Share share);)
// and HOTLOOP_SELECT(relu) is the function of the level in force. Ask once per call, outside loops.
// In the CUDA half there is one level, whose kernels launch themselves on the context's stream.
#if defined(HOTLOOP_CUDA_HALF)
#define HOTLOOP_PER_ISA(...) \
  namespace cuda {           \
  __VA_ARGS__                \
  }
#define HOTLOOP_SELECT(name) (cuda::name)
#elif defined(HOTLOOP_X86_LEVELS)
#define HOTLOOP_PER_ISA(...) \
  namespace baseline {       \
  __VA_ARGS__                \
  }                          \
  namespace avx2 {           \
  __VA_ARGS__                \
  }                          \
  namespace avx512 {         \
  __VA_ARGS__                \
  }
#define HOTLOOP_SELECT(name)                                       \
  (::hotloop::isa_level() >= ::hotloop::Isa::avx512 ? avx512::name \
   : ::hotloop::isa_level() == ::hotloop::Isa::avx2 ? avx2::name   \
                                                    : baseline::name)
#else
#define HOTLOOP_PER_ISA(...) \
  namespace baseline {       \
  __VA_ARGS__                \
  }
#define HOTLOOP_SELECT(name) (baseline::name)
#endif
