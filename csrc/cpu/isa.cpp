#include "cpu/isa.h"

#include <atomic>
#include <cstdlib>

#include "base/names.h"

#ifdef HOTLOOP_X86_LEVELS
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace hotloop {
namespace {

#ifdef HOTLOOP_X86_LEVELS
struct CpuBits {
  unsigned leaf1_ecx = 0, leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0, leaf7_1_eax = 0;
  unsigned long long xcr0 = 0;
};

CpuBits read_cpu() {
  CpuBits bits;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return bits;
  bits.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    bits.leaf7_ebx = b;
    bits.leaf7_ecx = c;
    bits.leaf7_edx = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) bits.leaf7_1_eax = a;
  }
  if (bits.leaf1_ecx & bit_OSXSAVE) {
    unsigned low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    bits.xcr0 = (static_cast<unsigned long long>(high) << 32) | low;
  }
  return bits;
}

bool has_all(unsigned value, unsigned wanted) { return (value & wanted) == wanted; }

// Linux lends the tile registers only to a process that asks.
bool may_use_tiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// Every bit that the compiler flags of a level enable, and the OS's word that it saves the registers.
Isa detect() {
  const CpuBits cpu = read_cpu();
  constexpr unsigned long long kYmmState = 0x6, kZmmState = 0xE6, kTileState = 0x60000;
  constexpr unsigned kSse = bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT;
  const bool avx2 = has_all(cpu.leaf1_ecx, kSse | bit_AVX | bit_FMA) && has_all(cpu.leaf7_ebx, bit_AVX2) &&
                    (cpu.xcr0 & kYmmState) == kYmmState;
  if (!avx2) return Isa::baseline;
  // Clang's -mavx512f means F16C too.
  const bool avx512 = has_all(cpu.leaf1_ecx, bit_F16C) &&
                      has_all(cpu.leaf7_ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) &&
                      has_all(cpu.leaf7_ecx, bit_AVX512VNNI) && (cpu.xcr0 & kZmmState) == kZmmState;
  if (!avx512) return Isa::avx2;
  constexpr unsigned kBf16Dot = 1u << 5;                           // leaf 7.1, eax
  constexpr unsigned kAmx = (1u << 22) | (1u << 24) | (1u << 25);  // leaf 7, edx: bf16, tile, int8
  if (!has_all(cpu.leaf7_1_eax, kBf16Dot)) return Isa::avx512;
  const bool amx = has_all(cpu.leaf7_edx, kAmx) && (cpu.xcr0 & kTileState) == kTileState && may_use_tiles();
  return amx ? Isa::amx : Isa::avx512_bf16;
}
#else
Isa detect() { return Isa::baseline; }
#endif

constexpr const char* kNames[] = {"baseline", "avx2", "avx512", "avx512_bf16",
                                  "amx"};  // in the order of the enumeration

std::atomic<int> level_in_force{-1};

}  // namespace

const char* isa_name(Isa level) { return kNames[static_cast<int>(level)]; }

Isa isa_from_name(const char* name) { return static_cast<Isa>(index_of(name, kNames, "ISA level")); }

Isa best_isa_level() {
  static const Isa best = detect();
  return best;
}

void set_isa_level(Isa level) {
  if (level > best_isa_level())
    throw std::runtime_error(message("ISA level '", isa_name(level), "' was asked for, but this CPU has '",
                                     isa_name(best_isa_level()), "' at most"));
  level_in_force.store(static_cast<int>(level), std::memory_order_relaxed);
}

Isa isa_level() {
  const int level = level_in_force.load(std::memory_order_relaxed);
  if (level >= 0) return static_cast<Isa>(level);
  const char* forced = std::getenv("HOTLOOP_ISA");
  if (forced == nullptr || *forced == '\0') {
    set_isa_level(best_isa_level());
    return isa_level();
  }
  try {
    set_isa_level(isa_from_name(forced));
  } catch (const std::exception& error) {
    throw std::runtime_error(message("HOTLOOP_ISA: ", error.what()));
  }
  return isa_level();
}

}  // namespace hotloop
