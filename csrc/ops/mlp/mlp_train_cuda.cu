#include "ops/mlp/mlp_train.h"

#include <algorithm>

#include "cuda/device/shared.h"
#include "cuda/launch.h"
#include "ops/mlp/mlp_layers.cuh"

#include "ops/loss/class_loss_rows.h"
#include "ops/loss/loss_rows.h"
#include "ops/optimizer/optimizer_rules.h"

namespace hotloop::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// Where things lie in shared memory, in floats. values[l] is what layer l reads, values[count] what the last
// one makes.
struct Room {
  int values[kMostMlpLayers + 1], row[kMostMlpLayers + 1];
  int gradient[2], gradient_row;  // of the values, in two buffers in turns
  int targets, weights, losses, floats;
};

Room room_of(const Mlp& mlp, std::int64_t batch_size, std::int64_t target_size) {
  Room room{};
  const int rows = static_cast<int>(batch_size);
  const auto take = [&](std::int64_t floats) {
    const int at = room.floats;
    room.floats += static_cast<int>(floats);
    return at;
  };
  for (int l = 0; l <= mlp.count; ++l) {
    const std::int64_t width = l == 0 ? mlp.layers[0].inputs : mlp.layers[l - 1].units;
    room.row[l] = static_cast<int>(width);
    room.values[l] = take(rows * width);
    if (l > 0) room.gradient_row = std::max(room.gradient_row, static_cast<int>(width));
  }
  for (int& gradient : room.gradient) gradient = take(std::int64_t{rows} * room.gradient_row);
  room.targets = take(rows * target_size);
  room.weights = take(rows);
  room.losses = take(rows);
  return room;
}

// The losses of all rows, as the kernels of ops/loss make them.
HOTLOOP_INLINE void lose_rows(const LossArgs& args) {
  const std::int64_t first = threadIdx.x / kLanes, step = kThreads / kLanes;
  if (args.kind == Loss::categorical_hinge || args.kind == Loss::categorical_crossentropy ||
      args.kind == Loss::sparse_categorical_crossentropy)
    return with_class_row(args, [&](auto row) {
      for (std::int64_t r = first; r < args.rows; r += step) {
        const ClassRow c = row(args, r);
        const F32 loss = class_loss(splat(c.inner), splat(c.factor), splat(c.rest));
        args.row_loss[r] = (loss * splat(args.weight != nullptr ? args.weight[r] : 1.0f)).lane;
      }
    });
  with_loss(args, [&](auto formula, bool mean) {
    if (args.cols > 1) {
      const float divisor = mean ? static_cast<float>(args.cols) : 1.0f;
      for (std::int64_t r = first; r < args.rows; r += step) one_row(formula, args, r, divisor);
      return;
    }
    for (std::int64_t r = threadIdx.x; r < args.rows; r += kThreads) {
      const F32 weight = splat(args.weight != nullptr ? args.weight[r] : 1.0f);
      const LossPoint<F32> point = formula(splat(args.prediction[r]), splat(args.target[r]));
      args.row_loss[r] = (point.loss * weight).lane;
      args.gradient[r] = (point.slope * (splat(args.gradient_scale) * weight)).lane;
      if (args.probability != nullptr) args.probability[r] = point.probability.lane;
    }
  });
}

// The step in progress: a thread's view.
struct Step {
  const MlpTraining& t;
  const Room& room;
  float* shared;
  std::int64_t first;  // row of the order
  int rows;

  __device__ float* values(int l) const { return shared + room.values[l]; }
  __device__ static int thread() { return static_cast<int>(threadIdx.x); }
  __device__ static int lane() { return thread() % kWarp; }
  __device__ static int warp() { return thread() / kWarp; }

  __device__ std::int64_t source(int r) const { return t.order != nullptr ? t.order[first + r] : first + r; }

  HOTLOOP_INLINE void gather() const {
    const int inputs = room.row[0], size = static_cast<int>(t.target_size);
    for (int r = warp(); r < rows; r += kWarps) {
      const std::int64_t from = source(r);
      for (int i = lane(); i < inputs; i += kWarp)
        values(0)[r * inputs + i] =
            t.bytes ? static_cast<float>(static_cast<const std::uint8_t*>(t.inputs)[from * inputs + i])
                    : static_cast<const float*>(t.inputs)[from * inputs + i];
      // Class numbers pass through as bits.
      for (int i = lane(); i < size; i += kWarp)
        shared[room.targets + r * size + i] = static_cast<const float*>(t.targets)[from * size + i];
      if (lane() == 0) shared[room.weights + r] = t.weights != nullptr ? t.weights[from] : 1.0f;
    }
  }

  HOTLOOP_INLINE void forward() const {
    for (int l = 0; l < t.mlp.count; ++l)
      mlp_layer(t.mlp.layers[l], values(l), room.row[l], values(l + 1), room.row[l + 1], rows);
  }

  // The loss of each row; the gradient of the last layer's values goes to `gradient`.
  HOTLOOP_INLINE void lose(float* gradient) const {
    const int last = t.mlp.count, units = room.row[last];
    LossArgs args = t.loss;
    args.rows = rows, args.cols = units;
    args.prediction = values(last);
    args.target = shared + room.targets;
    args.sparse_target = reinterpret_cast<const std::int32_t*>(shared + room.targets);
    args.weight = t.weights != nullptr ? shared + room.weights : nullptr;
    args.gradient_scale = static_cast<float>(t.head_weight / static_cast<double>(rows));
    args.row_loss = shared + room.losses;
    args.gradient = gradient;
    args.probability = t.fused && t.predictions != nullptr ? t.predictions + first * units : nullptr;
    lose_rows(args);
    if (t.predictions != nullptr && !t.fused)
      for (int i = thread(); i < rows * units; i += kThreads)
        t.predictions[first * units + i] = values(last)[i];
  }

  // From the gradient of a layer's output to that of its sum, in place.
  HOTLOOP_INLINE void through_activation(int l, float* gradient) const {
    const ActivationArgs& activation = t.mlp.layers[l].activation;
    if (activation.kind == Activation::linear) return;
    const int n = rows * room.row[l + 1];
    with_formula(activation, [&](auto formula) {
      for (int i = thread(); i < n; i += kThreads) {
        const F32 y = splat(values(l + 1)[i]);
        gradient[i] = (splat(gradient[i]) * formula.slope(y, y)).lane;
      }
    });
    __syncthreads();
  }

  // The gradient of what layer l reads: each a chain over the units.
  HOTLOOP_INLINE void pass_on(int l, const float* dz, float* dx) const {
    const MlpLayer& layer = t.mlp.layers[l];
    const int inputs = room.row[l], units = room.row[l + 1];
    for (int first_row = warp() * kMlpRows; first_row < rows; first_row += kWarps * kMlpRows)
      for (int k = lane(); k < inputs; k += kWarp) {
        const float* weights = layer.kernel + static_cast<std::int64_t>(k) * units;
        float sum[kMlpRows] = {};
        for (int j = 0; j < units; ++j) {
          const float weight = weights[j];
#pragma unroll
          for (int i = 0; i < kMlpRows; ++i)
            sum[i] = __fmaf_rn(dz[lesser(first_row + i, rows - 1) * units + j], weight, sum[i]);
        }
#pragma unroll
        for (int i = 0; i < kMlpRows; ++i)
          if (first_row + i < rows) dx[(first_row + i) * inputs + k] = sum[i];
      }
    __syncthreads();
  }

  // Gradients of a layer's parameters, each a chain over the rows.
  HOTLOOP_INLINE void learn(int l, const float* dz) const {
    const MlpPlace& place = t.places[l];
    const int inputs = room.row[l], units = room.row[l + 1];
    const float* x = values(l);
    float* const gradient = t.gradients + place.kernel;
    for (int k = warp() * kMlpRows; k < inputs; k += kWarps * kMlpRows)
      for (int j = lane(); j < units; j += kWarp) {
        float sum[kMlpRows] = {};
        for (int r = 0; r < rows; ++r) {
          const float d = dz[r * units + j];
#pragma unroll
          for (int i = 0; i < kMlpRows; ++i)
            sum[i] = __fmaf_rn(x[r * inputs + lesser(k + i, inputs - 1)], d, sum[i]);
        }
#pragma unroll
        for (int i = 0; i < kMlpRows; ++i)
          if (k + i < inputs) gradient[static_cast<std::int64_t>(k + i) * units + j] = sum[i];
      }
    if (place.bias < 0) return;
    for (int j = thread(); j < units; j += kThreads) {
      float sum = 0.0f;
      for (int r = 0; r < rows; ++r) sum = __fadd_rn(sum, dz[r * units + j]);
      t.gradients[place.bias + j] = sum;
    }
  }

  HOTLOOP_INLINE void update(const OptimizerScalars& scalars, bool decays, std::int64_t first,
                             std::int64_t size) const {
    with_rule(scalars, [&](auto rule) {
      using Rule = decltype(rule);
      const Splat s = splat_all(scalars);
      for (std::int64_t i = first + thread(); i < first + size; i += kThreads) {
        Lanes x{splat(t.parameters[i]), splat(t.gradients[i]), {}};
#pragma unroll
        for (int k = 0; k < kOptimizerSlots; ++k)
          if (Rule::uses(k)) x.slot[k] = splat(t.slots[k][i]);
        step_lanes<Rule>(s, decays, x);
        t.parameters[i] = x.w.lane;
#pragma unroll
        for (int k = 0; k < kOptimizerSlots; ++k)
          if (Rule::uses(k)) t.slots[k][i] = x.slot[k].lane;
      }
    });
  }
  HOTLOOP_INLINE void update(int l, const OptimizerScalars& scalars) const {
    const MlpPlace& place = t.places[l];
    const std::int64_t units = room.row[l + 1];
    update(scalars, place.decay_kernel && scalars.decay != 0.0f, place.kernel, room.row[l] * units);
    if (place.bias >= 0) update(scalars, place.decay_bias && scalars.decay != 0.0f, place.bias, units);
  }

  HOTLOOP_INLINE void count() const {
    double loss = 0;
    for (int r = 0; r < rows; ++r) loss = __dadd_rn(loss, static_cast<double>(shared[room.losses + r]));
    loss = __dmul_rn(loss, t.head_weight);
    Progress progress = *t.progress;
    progress.steps += 1, progress.rows += rows;
    progress.loss_sum = __dadd_rn(progress.loss_sum, loss);
    progress.last_loss = loss;
    *t.progress = *t.seen = progress;
    t.step->iteration += 1, t.step->index += 1, t.step->first_row += t.batch_size;
  }
};

__global__ void __launch_bounds__(kThreads, 1)
    mlp_train_kernel(const __grid_constant__ MlpTraining training, const __grid_constant__ Room room) {
  float* const shared = reinterpret_cast<float*>(dynamic_shared());
  const std::int64_t begin = training.step->first_row, index = training.step->index;
  __syncthreads();  // thread 0 moves the step on
  for (std::int64_t s = 0; s < training.steps; ++s) {
    const std::int64_t first = begin + s * training.batch_size, left = training.rows - first;
    const Step step{training, room, shared, first,
                    static_cast<int>(left < training.batch_size ? left : training.batch_size)};
    const OptimizerScalars& scalars = training.scalars[index + s];
    step.gather();
    __syncthreads();
    step.forward();
    float* dz = shared + room.gradient[0];
    float* dx = shared + room.gradient[1];
    step.lose(dz);
    __syncthreads();
    if (threadIdx.x == 0) step.count();
    for (int l = training.mlp.count - 1; l >= 0; --l) {
      step.through_activation(l, dz);
      // First what reads the kernel, which learning then changes.
      if (l > 0) step.pass_on(l, dz, dx);
      step.learn(l, dz);
      __syncthreads();
      step.update(l, scalars);
      __syncthreads();
      float* const done = dz;
      dz = dx, dx = done;
    }
  }
}

}  // namespace

bool fits_a_block(const Mlp& mlp, std::int64_t batch_size, std::int64_t target_size) {
  constexpr std::int64_t kMostRows = 128, kSpare = 2048;  // bytes
  if (batch_size > kMostRows || target_size > kMostMlpUnits || !is_small(mlp)) return false;
  return room_of(mlp, batch_size, target_size).floats * size_of(DType::f32) + kSpare <=
         device_limits().shared_memory;
}

void mlp_train(const MlpTraining& training) {
  const Room room = room_of(training.mlp, training.batch_size, training.target_size);
  launch("small network's steps", mlp_train_kernel,
         {dim3(1), dim3(kThreads), static_cast<std::size_t>(room.floats) * sizeof(float)}, training, room);
}

}  // namespace hotloop::cuda
