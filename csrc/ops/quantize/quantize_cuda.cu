#include "base/aligned_buffer.h"
#include "cuda/device/lanes.h"
#include "cuda/launch.h"

#include "ops/quantize/quantize.h"
#include "ops/quantize/quantize_rules.h"

namespace hotloop {
namespace {

constexpr int kThreads = 256, kAhead = 4;
constexpr unsigned kAllLanes = 0xffffffffu;

__device__ unsigned char byte_of(const Steps& steps, float x, std::int32_t zero_point) {
  return static_cast<unsigned char>(max(steps.of({x}) + splat(zero_point), splat(0)).lane);
}
__device__ uchar4 byte_of(const Steps& steps, float4 x, std::int32_t zero_point) {
  return {byte_of(steps, x.x, zero_point), byte_of(steps, x.y, zero_point), byte_of(steps, x.z, zero_point),
          byte_of(steps, x.w, zero_point)};
}
__device__ float number_of(unsigned char q, Quantization how) {
  return dequantized({static_cast<std::int32_t>(q)}, how).lane;
}
__device__ float4 number_of(uchar4 q, Quantization how) {
  return make_float4(number_of(q.x, how), number_of(q.y, how), number_of(q.z, how), number_of(q.w, how));
}

// From is float or four of them, To as many bytes.
template <class From, class To>
struct ToBytes {
  const From* x;
  float inverse;
  std::int32_t zero_point;
  To* q;
  __device__ From load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, From value) const {
    q[i] = byte_of(Steps(inverse, zero_point), value, zero_point);
  }
};
struct ToBytesByColumn {
  const float* x;
  const float *inverse, *offset;
  std::int64_t cols;
  std::uint8_t* q;
  __device__ float load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, float value) const {
    const std::int64_t c = i % cols;
    q[i] = static_cast<std::uint8_t>(max(column_steps({value}, {offset[c]}, {inverse[c]}), splat(0)).lane);
  }
};
template <class From, class To>
struct FromBytes {
  const From* q;
  Quantization how;
  To* x;
  __device__ From load(std::int64_t i) const { return q[i]; }
  __device__ void store(std::int64_t i, From value) const { x[i] = number_of(value, how); }
};

// Least and largest of what has been seen. A NaN as the first operand leaves the second.
struct Extremes {
  F32 low = splat(__builtin_inff()), high = splat(-__builtin_inff());

  __device__ void see(float x) { low = min(F32{x}, low), high = max(F32{x}, high); }
  __device__ void see(float4 x) { see(x.x), see(x.y), see(x.z), see(x.w); }
  __device__ void fold_warp() {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
      low = min(F32{__shfl_xor_sync(kAllLanes, low.lane, step)}, low);
      high = max(F32{__shfl_xor_sync(kAllLanes, high.lane, step)}, high);
    }
  }
};

// A row by kTeam threads: a warp, or the whole block. cols counts units.
template <int kTeam, class From, class To>
__global__ void __launch_bounds__(kThreads) quantize_rows(const From* x, std::int64_t rows, std::int64_t cols,
                                                          To* q, float* scale, std::int32_t* zero_point) {
  const int member = static_cast<int>(threadIdx.x) % kTeam;
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (kThreads / kTeam) + static_cast<int>(threadIdx.x) / kTeam;
  if (row >= rows) return;
  const From* const from = x + row * cols;
  Extremes seen;
#pragma unroll 4
  for (std::int64_t i = member; i < cols; i += kTeam) seen.see(from[i]);
  seen.fold_warp();
  if constexpr (kTeam > 32) {
    __shared__ float low[kTeam / 32], high[kTeam / 32];
    if (member % 32 == 0) low[member / 32] = seen.low.lane, high[member / 32] = seen.high.lane;
    __syncthreads();
#pragma unroll
    for (int w = 0; w < kTeam / 32; ++w)
      seen.low = min(F32{low[w]}, seen.low), seen.high = max(F32{high[w]}, seen.high);
  }
  const RowScale own = row_scale(__fadd_rn(seen.low.lane, 0.0f), __fadd_rn(seen.high.lane, 0.0f));
  if (member == 0) scale[row] = own.scale, zero_point[row] = own.zero_point;
  const Steps steps(own.inverse, own.zero_point);
  To* const to = q + row * cols;
#pragma unroll 4
  for (std::int64_t i = member; i < cols; i += kTeam) to[i] = byte_of(steps, from[i], own.zero_point);
}

template <class From, class To>
void launch_rows(const From* x, std::int64_t rows, std::int64_t cols, To* q, float* scale,
                 std::int32_t* zero_point) {
  constexpr std::int64_t kLongest = 256;  // units of a row for a warp
  if (cols <= kLongest)
    cuda::launch("quantising rows", quantize_rows<32, From, To>,
                 {dim3(static_cast<unsigned>(cuda::divide_up(rows, kThreads / 32))), dim3(kThreads)}, x, rows,
                 cols, q, scale, zero_point);
  else
    cuda::launch("quantising rows", quantize_rows<kThreads, From, To>,
                 {dim3(static_cast<unsigned>(rows)), dim3(kThreads)}, x, rows, cols, q, scale, zero_point);
}

// Floats as unsigned numbers of the same order; 0 is below all of them.
__device__ unsigned order_of(float x) {
  const unsigned bits = __float_as_uint(x);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
float of_order(unsigned order) {
  const unsigned bits = (order & 0x80000000u) != 0 ? order & 0x7fffffffu : ~order;
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return order == 0 ? -__builtin_inff() : x;
}

// found: the order of the largest, and of the largest with the sign turned.
__global__ void __launch_bounds__(kThreads)
    min_max_elements(const float* x, std::int64_t n, unsigned* found) {
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * kThreads;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  Extremes seen;
#pragma unroll 4
  for (std::int64_t i = first; i < n; i += threads) seen.see(x[i]);
  seen.fold_warp();
  if (threadIdx.x % 32 != 0) return;
  atomicMax(found, order_of(seen.high.lane));
  atomicMax(found + 1, order_of(-seen.low.lane));
}

// Blocks that fill the GPU, for kernels that go through all numbers in strides.
dim3 striding_blocks(std::int64_t n) {
  const std::int64_t most = 8 * std::int64_t{cuda::device_limits().multiprocessors};
  const std::int64_t wanted = cuda::divide_up(n, kThreads * kAhead);
  return dim3(static_cast<unsigned>(wanted < most ? wanted : most));
}

// Whether rows of `cols` numbers and bytes can be taken by fours.
bool by_fours(const float* x, const std::uint8_t* q, std::int64_t cols) {
  return cols % 4 == 0 && reinterpret_cast<std::uintptr_t>(x) % 16 == 0 &&
         reinterpret_cast<std::uintptr_t>(q) % 4 == 0;
}

}  // namespace

namespace cuda {

void quantize_kernel(const float* x, float inverse, std::int32_t zero_point, std::uint8_t* q,
                     std::int64_t n) {
  if (by_fours(x, q, n))
    launch_elements("quantize", n / 4,
                    ToBytes<float4, uchar4>{reinterpret_cast<const float4*>(x), inverse, zero_point,
                                            reinterpret_cast<uchar4*>(q)});
  else
    launch_elements("quantize", n, ToBytes<float, unsigned char>{x, inverse, zero_point, q});
}

void quantize_columns_kernel(const float* x, std::int64_t rows, std::int64_t cols, const float* inverse,
                             const float* offset, std::uint8_t* q) {
  launch_elements("quantize", rows * cols, ToBytesByColumn{x, inverse, offset, cols, q});
}

void dequantize_kernel(const std::uint8_t* q, Quantization how, float* x, std::int64_t n) {
  if (by_fours(x, q, n))
    launch_elements(
        "dequantize", n / 4,
        FromBytes<uchar4, float4>{reinterpret_cast<const uchar4*>(q), how, reinterpret_cast<float4*>(x)});
  else
    launch_elements("dequantize", n, FromBytes<unsigned char, float>{q, how, x});
}

void quantize_rows_kernel(const float* x, std::int64_t rows, std::int64_t cols, std::uint8_t* q, float* scale,
                          std::int32_t* zero_point, Share) {
  if (by_fours(x, q, cols))
    launch_rows(reinterpret_cast<const float4*>(x), rows, cols / 4, reinterpret_cast<uchar4*>(q), scale,
                zero_point);
  else
    launch_rows(x, rows, cols, q, scale, zero_point);
}

// The result is the host's: for calibration, which waits for it.
void min_max_kernel(const float* x, std::int64_t n, float* low, float* high) {
  unsigned orders[2] = {};
  const AlignedBuffer found(sizeof(orders));
  check(cudaMemsetAsync(found.as<void>(), 0, sizeof(orders), context().stream), "min_max");
  launch("min_max", min_max_elements, {striding_blocks(n), dim3(kThreads)}, x, n, found.as<unsigned>());
  copy_block(orders, found.as<void>(), sizeof(orders));
  settle();
  *high = of_order(orders[0]) + 0.0f;
  *low = -of_order(orders[1]) + 0.0f;
}

}  // namespace cuda
}  // namespace hotloop
