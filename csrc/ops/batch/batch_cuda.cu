#include "cuda/launch.h"
#include "ops/batch/batch.h"

namespace hotloop {
namespace {

using cuda::DeviceStep;

bool lie_on_16(const void* a, const void* b = nullptr) {
  return ((reinterpret_cast<std::uintptr_t>(a) | reinterpret_cast<std::uintptr_t>(b)) & 15u) == 0;
}

__device__ std::int64_t first_row_of(const DeviceStep* step) { return step != nullptr ? step->first_row : 0; }

// Four neighbours at once.
template <class T>
struct Four;
template <>
struct Four<float> {
  using Type = float4;
};
template <>
struct Four<std::int32_t> {
  using Type = int4;
};

__device__ float converted(std::uint8_t x) { return static_cast<float>(x); }
__device__ float4 converted(uchar4 x) {
  return make_float4(static_cast<float>(x.x), static_cast<float>(x.y), static_cast<float>(x.z),
                     static_cast<float>(x.w));
}
template <class T>
__device__ T converted(T x) {
  return x;
}

// Rows of `units`; N counts all of them.
template <class From, class To, class N>
struct GatherRows {
  const From* source;
  const std::int32_t* index;
  std::int64_t first;
  const DeviceStep* step;
  N units;
  To* out;

  __device__ From load(std::int64_t i) const {
    const N row = static_cast<N>(i) / units, unit = static_cast<N>(i) % units;
    const std::int64_t at = first_row_of(step) + static_cast<std::int64_t>(row);
    const std::int64_t from = index != nullptr ? index[at] : first + at;
    return source[from * static_cast<std::int64_t>(units) + static_cast<std::int64_t>(unit)];
  }
  __device__ void store(std::int64_t i, From x) const { out[i] = converted(x); }
};

template <class From, class To>
void gather_units(const From* source, std::int64_t units, const std::int32_t* index, std::int64_t first,
                  std::int64_t rows, To* out) {
  const DeviceStep* const step = cuda::context().step;
  const std::int64_t n = rows * units;
  // Divisions of 32 bits take a third of the time.
  if (n <= INT32_MAX)
    cuda::launch_elements("gather", n,
                          GatherRows<From, To, std::uint32_t>{source, index, first, step,
                                                              static_cast<std::uint32_t>(units), out});
  else
    cuda::launch_elements("gather", n,
                          GatherRows<From, To, std::int64_t>{source, index, first, step, units, out});
}

template <class T>
void gather_rows(const T* source, std::int64_t row_size, const std::int32_t* index, std::int64_t first,
                 std::int64_t rows, T* out) {
  using Unit = typename Four<T>::Type;
  if (row_size % 4 == 0 && lie_on_16(source, out))
    gather_units(reinterpret_cast<const Unit*>(source), row_size / 4, index, first, rows,
                 reinterpret_cast<Unit*>(out));
  else
    gather_units(source, row_size, index, first, rows, out);
}

// Units of a row, from the step's first row on.
template <class Unit>
struct RecordRows {
  const Unit* from;
  const DeviceStep* step;
  std::int64_t units;
  Unit* to;
  __device__ Unit load(std::int64_t i) const { return from[i]; }
  __device__ void store(std::int64_t i, Unit x) const { to[first_row_of(step) * units + i] = x; }
};

__device__ bool is_nonfinite(float x) { return (__float_as_uint(x) & 0x7f800000u) == 0x7f800000u; }
__device__ bool is_nonfinite(float4 x) {
  return is_nonfinite(x.x) || is_nonfinite(x.y) || is_nonfinite(x.z) || is_nonfinite(x.w);
}

template <class Unit>
struct FlagNonfinite {
  const Unit* x;
  int* flag;
  __device__ Unit load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t, Unit loaded) const {
    if (is_nonfinite(loaded)) atomicOr(flag, 1);
  }
};

}  // namespace

void gather_rows_f32(const float* source, std::int64_t row_size, const std::int32_t* index,
                     std::int64_t first, std::int64_t rows, float* out, Share) {
  gather_rows(source, row_size, index, first, rows, out);
}

void gather_rows_i32(const std::int32_t* source, std::int64_t row_size, const std::int32_t* index,
                     std::int64_t first, std::int64_t rows, std::int32_t* out, Share) {
  gather_rows(source, row_size, index, first, rows, out);
}

void gather_rows_u8(const std::uint8_t* source, std::int64_t row_size, const std::int32_t* index,
                    std::int64_t first, std::int64_t rows, float* out, Share) {
  if (row_size % 4 == 0 && lie_on_16(out) && reinterpret_cast<std::uintptr_t>(source) % 4 == 0)
    gather_units(reinterpret_cast<const uchar4*>(source), row_size / 4, index, first, rows,
                 reinterpret_cast<float4*>(out));
  else
    gather_units(source, row_size, index, first, rows, out);
}

void record_rows(const float* from, std::int64_t features, std::int64_t rows, float* to) {
  const DeviceStep* const step = cuda::context().step;
  if (features % 4 == 0 && lie_on_16(from, to))
    cuda::launch_elements("outputs", rows * features / 4,
                          RecordRows<float4>{reinterpret_cast<const float4*>(from), step, features / 4,
                                             reinterpret_cast<float4*>(to)});
  else
    cuda::launch_elements("outputs", rows * features, RecordRows<float>{from, step, features, to});
}

void flag_nonfinite(const float* x, std::int64_t n, int* flag) {
  std::int64_t done = 0;
  if (lie_on_16(x)) {
    cuda::launch_elements("looking for NaN", n / 4,
                          FlagNonfinite<float4>{reinterpret_cast<const float4*>(x), flag});
    done = n / 4 * 4;
  }
  cuda::launch_elements("looking for NaN", n - done, FlagNonfinite<float>{x + done, flag});
}

}  // namespace hotloop
