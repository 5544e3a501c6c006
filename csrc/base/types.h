// Plain types that every room shares.
#pragma once
#include <cstdint>

namespace hotloop {

enum class DType : std::uint8_t { f32, u8, i8, i32, bf16 };

constexpr std::int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::u8:
    case DType::i8:
      return 1;
    case DType::bf16:
      return 2;
    default:
      return 4;
  }
}

constexpr const char* dtype_name(DType dtype) {
  constexpr const char* kNames[] = {"float32", "uint8", "int8", "int32", "bfloat16"};
  return kNames[static_cast<int>(dtype)];
}

// Half-open interval of indices.
struct Range {
  std::int64_t begin, end;
};

// A run of floats in an arena.
struct Stretch {
  std::int64_t offset = 0, size = 0;
};

// Which part of an op's work a thread does. Kernels take it by value; it never changes a result.
struct Share {
  int rank = 0;
  int size = 1;

  // The part of [0, total) that falls to this rank, in whole grains (the last grain may be short).
  constexpr Range of(std::int64_t total, std::int64_t grain = 1) const {
    const std::int64_t grains = (total + grain - 1) / grain;
    const std::int64_t begin = grains * rank / size * grain;
    const std::int64_t end = grains * (rank + 1) / size * grain;
    return {begin < total ? begin : total, end < total ? end : total};
  }
};

// Arena offsets and buffers are aligned to whole vectors of 16 floats.
constexpr std::int64_t kAlignment = 64;

// The next multiple of `grain` from n on.
constexpr std::int64_t round_up(std::int64_t n, std::int64_t grain) {
  return (n + grain - 1) / grain * grain;
}

}  // namespace hotloop
