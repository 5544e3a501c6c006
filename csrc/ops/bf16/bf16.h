// bfloat16 as a storage format: conversion, and products with weights kept in it.
#pragma once
#include <cstdint>

#include "base/types.h"
#include "cpu/isa.h"
#include "ops/activation/activation.h"

namespace hotloop {

// Round to nearest even; what is too large becomes infinite, a NaN stays a (quiet) NaN with its sign.
void to_bf16(const float* x, std::uint16_t* y, std::int64_t n, Share share);
// Exact.
void from_bf16(const std::uint16_t* x, float* y, std::int64_t n, Share share);

// C = act(A W + bias): A and C float32, W k x n bf16, row-major. Each C[i,j] is one chain of fused
// multiply-adds in ascending k from bias[j] or 0, the weight widened first: the bits of gemm on the widened
// weights, on every level.
struct GemmBf16Args {
  std::int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  std::int64_t a_row = 0;
  const std::uint16_t* weights = nullptr;
  const float* bias = nullptr;  // n, or null
  float* c = nullptr;
  std::int64_t c_row = 0;
  ActivationArgs activation{Activation::linear};  // elementwise kinds only
};
void gemm_bf16(const GemmBf16Args& args, Share share);
// The slow witness: the same sums in double.
void gemm_bf16_ref(const GemmBf16Args& args);

HOTLOOP_PER_ISA(void to_bf16_kernel(const float* x, std::uint16_t* y, std::int64_t n);
                void from_bf16_kernel(const std::uint16_t* x, float* y, std::int64_t n);
                void gemm_bf16_kernel(const GemmBf16Args& args, Share share);)

}  // namespace hotloop
