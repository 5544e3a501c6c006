// Training on a GPU: a step is one graph, captured once for each size of batch and replayed. What differs
// from step to step lies in device memory, so that the CPU only launches, and looks in now and then.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "cuda/memory.h"
#include "cuda/stream.h"
#include "ops/batch/batch.h"
#include "program/entry.h"
#include "program/finish_step.h"
#include "program/poll.h"
#include "program/program.h"
#include "program/small_network.h"

namespace hotloop {
namespace {

// What a graph was made for: every address and number that is fixed in it.
using Key = std::vector<std::uint64_t>;
void add(Key& key, const void* address) { key.push_back(reinterpret_cast<std::uintptr_t>(address)); }

// How many steps the CPU may be ahead of the GPU, at most twice this: about a twentieth of a second's work,
// so that Ctrl-C is soon heard.
std::int64_t steps_ahead(double multiply_adds) {
  constexpr double kWork = 5e11;
  return std::clamp(static_cast<std::int64_t>(kWork / std::max(multiply_adds, 1.0)), std::int64_t{1},
                    std::int64_t{32});
}
constexpr std::int64_t kStepsOfABlock = 256;
constexpr std::size_t kMostGraphs = 16;

}  // namespace

struct Program::Captured {
  // On the device: where the step stands, the regularisation loss, and what the call has come to.
  struct State {
    cuda::DeviceStep step;
    double penalty;
    cuda::Progress progress;
  };

  Captured()
      : stream(cuda::new_stream()), before(cuda::new_event()), turn{cuda::new_event(), cuda::new_event()} {
    state.reserve(sizeof(State));
    start.reserve(sizeof(State));
    seen.reserve(sizeof(cuda::Progress));
  }
  ~Captured() { cudaStreamSynchronize(stream.get()); }

  State* on_device() const { return state.as<State>(); }
  const cuda::Progress& progress() const { return *seen.as<cuda::Progress>(); }

  // A stream of its own, since CuPy's default one can't be captured.
  cuda::Stream stream;
  cuda::Event before, turn[2];
  AlignedBuffer state, order;
  cuda::PinnedBuffer start, seen;
  struct Step {
    cuda::Graph graph;
    std::vector<const char*> ops;  // in it
  };
  std::map<Key, Step> steps;
};

void Program::ask_for_step(const TrainRequest& request, PassBuffers& buffers, const Feed& feed,
                           std::int64_t rows) {
  Captured::State* const state = captured_->on_device();
  Barrier nobody(1);
  const Team team(0, 1, nobody);
  const Batch batch{0, rows};  // from the step's first row on
  StepState run{parameters_, gradients_, true, request.seed, 0};
  run.timer = request.timer;
  const auto mark = [&] {
    if (request.timer != nullptr) request.timer->mark(team);
  };
  if (request.timer != nullptr) request.timer->begin(team);

  for (std::size_t i = 0; i < feed.inputs.size(); ++i)
    gather(feed.inputs[i], feed.order, batch, buffers.value(graph_->inputs()[i]), team.share());
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    gather(feed.targets[i], feed.order, batch, buffers.head(i).targets, team.share());
    if (!feed.weights.empty())
      gather(feed.weights[i], feed.order, batch, buffers.head(i).weights, team.share());
  }
  mark();
  buffers.forward(*graph_, run, rows, team);
  run_heads(buffers, rows, team.share());
  for (std::size_t i = 0; i < request.outputs.size(); ++i)
    record_rows(static_cast<const float*>(buffers.value(outputs_[i])), graph_->value(outputs_[i]).features(),
                rows, request.outputs[i]);
  mark();
  buffers.backward(*graph_, run, rows, team);
  update_.step(parameters_, gradients_, 0, 0, false, team);

  cuda::StepEnd end;
  for (std::size_t i = 0; i < heads_.size(); ++i)
    end.heads[end.count++] = cuda::head_loss(heads_[i], buffers.head(i), rows);
  end.rows = rows, end.batch_size = request.batch_size;
  end.penalty = &state->penalty, end.step = &state->step;
  end.progress = &state->progress, end.seen = captured_->seen.as<cuda::Progress>();
  cuda::finish_step(end);
  mark();
}

void Program::train(const TrainRequest& request, TrainResult& result) {
  const ProgramEntry entry(*this);
  require(heads_.size() <= cuda::StepEnd::kMostHeads, "train: expected at most ", cuda::StepEnd::kMostHeads,
          " losses on a GPU, got ", heads_.size());
  const std::int64_t most_rows = std::min(request.batch_size, request.feed.rows);
  PassBuffers& buffers = ready_to_train(request.feed, most_rows, 1);
  result = {};
  result.loss_sum = request.loss_before;
  if (request.steps == 0) return;

  if (captured_ == nullptr) captured_ = std::make_shared<Captured>();
  Captured& c = *captured_;
  const cudaStream_t theirs = cuda::context().stream;
  cuda::follow(c.stream.get(), theirs, c.before);
  const cuda::ContextScope scope({c.stream.get(), nullptr});
  for (auto& [pass, other] : passes_) cuda::wait_for_last_use(other.last_use());
  // Whatever ends this call, nothing of it is still at work then.
  struct Settle {
    cudaStream_t stream;
    ~Settle() { cudaStreamSynchronize(stream); }
  } const settle{c.stream.get()};

  if (request.timer != nullptr)
    request.timer->reserve(request.steps,
                           buffers.schedule().forward.size() + buffers.schedule().backward.size() + 3);

  Captured::State* const state = c.on_device();
  const void* const tables =
      update_.stage(request.learning_rates, request.iteration, request.steps, &state->penalty);
  auto* const start = c.start.as<Captured::State>();
  const cuda::Progress begun{0, 0, request.loss_before, 0};
  *start = {
      {static_cast<std::uint64_t>(request.iteration), 0, request.first_step * request.batch_size}, 0, begun};
  *c.seen.as<cuda::Progress>() = begun;
  copy_block(state, start, sizeof(*start));
  Feed feed = request.feed;
  if (feed.order != nullptr) {
    c.order.reserve(feed.rows * size_of(DType::i32));
    copy_block(c.order.as<void>(), feed.order, feed.rows * size_of(DType::i32));
    feed.order = c.order.as<std::int32_t>();
  }

  Key key{static_cast<std::uint64_t>(request.batch_size), request.seed,
          static_cast<std::uint64_t>(buffers.max_rows())};
  for (const Column& column : feed.inputs)
    add(key, column.data), key.push_back(static_cast<int>(column.dtype));
  for (const Column& column : feed.targets) add(key, column.data);
  for (const Column& column : feed.weights) add(key, column.data);
  for (const float* output : request.outputs) add(key, output);
  for (const void* address : {static_cast<const void*>(feed.order), tables,
                              static_cast<const void*>(buffers.value(graph_->inputs()[0]))})
    add(key, address);

  const auto graph_of = [&](std::int64_t rows) -> const Captured::Step& {
    Key whole = key;
    whole.push_back(static_cast<std::uint64_t>(rows));
    if (const auto known = c.steps.find(whole); known != c.steps.end()) return known->second;
    if (c.steps.size() >= kMostGraphs) {
      cuda::synchronize("train");
      c.steps.clear();
    }
    const cuda::ContextScope inside({c.stream.get(), &state->step});
    cuda::Graph graph = cuda::capture([&] { ask_for_step(request, buffers, feed, rows); });
    return c.steps.emplace(std::move(whole), Captured::Step{std::move(graph), cuda::ops_launched()})
        .first->second;
  };
  const Captured::Step* latest = nullptr;
  std::int64_t latest_rows = -1;

  std::optional<cuda::MlpTraining> small;
  if (request.timer == nullptr)
    small = small_training(*graph_, outputs_, heads_, update_, parameters_, gradients_, most_rows,
                           feed.targets[0].row_size);
  if (small) {
    small->step = &state->step, small->progress = &state->progress, small->seen = c.seen.as<cuda::Progress>();
    small->inputs = feed.inputs[0].data, small->bytes = feed.inputs[0].dtype == DType::u8;
    small->targets = feed.targets[0].data;
    if (!feed.weights.empty()) small->weights = static_cast<const float*>(feed.weights[0].data);
    small->order = feed.order, small->rows = feed.rows;
    small->predictions = request.outputs.empty() ? nullptr : request.outputs[0];
  }
  const auto launch = [&](std::int64_t first, std::int64_t steps) {
    const std::int64_t begin = (request.first_step + first) * request.batch_size;
    const std::int64_t rows = std::min(request.batch_size, feed.rows - begin);
    if (small) {
      small->steps = steps;
      cuda::mlp_train(*small);
    } else if (request.timer != nullptr || cuda::waits_for_each()) {
      const cuda::ContextScope inside({c.stream.get(), &state->step});
      ask_for_step(request, buffers, feed, rows);
    } else {
      if (rows != latest_rows) latest = &graph_of(rows), latest_rows = rows;
      cuda::check(cudaGraphLaunch(latest->graph.get(), c.stream.get()), "a training step");
      cuda::replayed(latest->ops);
    }
  };

  const std::int64_t ahead = steps_ahead(3 * graph_->work(most_rows));
  const std::int64_t unit = !small ? 1 : request.stop_on_nan ? 1 : kStepsOfABlock;
  const auto tell = [&] {
    result.steps = c.progress().steps, result.rows = c.progress().rows;
    result.loss_sum = c.progress().loss_sum;
  };
  Poll poll(request.hook);
  std::int64_t since = 0, turn = 0;
  for (std::int64_t s = 0, steps = 0; s < request.steps; s += steps) {
    steps = std::min(unit, request.steps - s);
    launch(s, steps);
    if (request.stop_on_nan) {
      cuda::synchronize("train");
      if (std::isnan(c.progress().last_loss)) break;
    }
    since += steps;
    if (since < ahead) continue;
    since = 0, ++turn;
    cuda::check(cudaEventRecord(c.turn[turn % 2].get(), c.stream.get()), "train");
    if (turn > 1) cuda::check(cudaEventSynchronize(c.turn[(turn + 1) % 2].get()), "train");
    const cuda::ContextScope kept(cuda::context());  // the hook may do other work on this thread
    if (c.progress().rows == 0 || !poll.due()) continue;
    cuda::synchronize(
        "train");  // the hook may look at the weights, which are then those of the steps it is told
    tell();
    if (poll.ask(result.steps, result.loss_sum / static_cast<double>(request.rows_before + result.rows)))
      break;
  }
  cuda::synchronize("train");
  tell();
}

}  // namespace hotloop
