#include "program/session.h"

#include <algorithm>

#include "base/error.h"

namespace hotloop {

// A context out of the pool, or a new one, for as long as the lease lives.
class Session::Lease {
 public:
  explicit Lease(Session& session) : session_(session) {
    for (std::atomic<Context*>& place : session_.idle_) {
      if (place.load(std::memory_order_relaxed) == nullptr) continue;
      context_.reset(place.exchange(nullptr, std::memory_order_acquire));
      if (context_ != nullptr) break;
    }
    if (context_ == nullptr) context_ = std::make_unique<Context>();
    // A child of fork has none of the calls that its parent's other threads were in.
    if (session_.forks_.load(std::memory_order_relaxed) != forks()) {
      session_.forks_.store(forks(), std::memory_order_relaxed);
      session_.running_.store(0, std::memory_order_relaxed);
    }
    alone_ = session_.running_.fetch_add(1, std::memory_order_relaxed) == 0;
  }
  ~Lease() {
    session_.running_.fetch_sub(1, std::memory_order_relaxed);
    for (std::atomic<Context*>& place : session_.idle_) {
      Context* none = nullptr;
      if (!place.compare_exchange_strong(none, context_.get(), std::memory_order_release)) continue;
      context_.release();
      return;
    }
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Context& context() const { return *context_; }
  bool alone() const { return alone_; }

 private:
  Session& session_;
  std::unique_ptr<Context> context_;
  bool alone_ = true;
};

Session::Session(std::shared_ptr<Graph> graph, std::vector<ValueId> outputs, const float* parameters,
                 std::int64_t arena_size, std::int64_t rows, int threads)
    : graph_(std::move(graph)),
      outputs_(graph_->roots(std::move(outputs))),
      rows_(rows),
      chunk_rows_(most_chunk_rows(*graph_)),
      threads_(threads) {
  check_program(*graph_, outputs_, arena_size);
  require(rows_ >= 1, "session: expected rows of at least 1, got ", rows_);
  require(threads_ >= 0, "session: expected 0 threads (as many as pay) or more, got ", threads_);
  bool keep_arena = false;
  for (const GraphNode& entry : graph_->nodes()) keep_arena = !entry.node->freeze(parameters) || keep_arena;
  if (keep_arena) {
    parameters_.reserve(arena_size * size_of(DType::f32));
    copy_block(parameters_.as<void>(), parameters, arena_size * size_of(DType::f32));
  }
  rows_ = std::min(rows_, chunk_rows_);
  const Lease first(*this);
  lay_out(first.context(), rows_, allowed_threads(rows_));
}

Session::~Session() {
  for (std::atomic<Context*>& place : idle_) delete place.load();
}

int Session::allowed_threads(std::int64_t rows) const {
  if (!TeamChoice::pays(graph_->work(rows))) return 1;
  return std::min(threads_ > 0 ? threads_ : num_threads(), most_threads());
}

void Session::lay_out(Context& context, std::int64_t rows, int threads) const {
  if (context.buffers.ready_for(rows, threads)) return;
  rows = std::max({rows, rows_, context.buffers.max_rows()});
  context.buffers.prepare(*graph_, parameters_.as<float>(), {},
                          make_schedule(*graph_, outputs_, {}, Pass::predict), rows,
                          std::max(threads, context.buffers.threads()), false);
}

bool Session::run(const InferRequest& request) {
  const std::int64_t rows = std::min(request.feed.rows, chunk_rows_);
  if (rows == 0) return true;
  const Lease lease(*this);
  Context& context = lease.context();
  const int allowed = lease.alone() ? allowed_threads(rows) : 1;
  lay_out(context, rows, allowed);
  Inference inference(*graph_, outputs_, parameters_.as<float>(), context.buffers, rows, request);
  // Batches that are taken whole come in any size, each too seldom to measure.
  if (allowed == 1 || graph_->mixes_rows())
    inference.run(allowed);
  else
    inference.run(context.choices.try_emplace({rows, allowed}, allowed, graph_->work(rows)).first->second);
  return !inference.met_nonfinite();
}

std::vector<StepPart> Session::time_forward(const Feed& feed, std::int64_t calls, int threads,
                                            StepTimer& timer) {
  threads = std::min(threads, most_threads());
  const Lease lease(*this);
  PassBuffers& buffers = lease.context().buffers;
  lay_out(lease.context(), feed.rows, threads);
  hotloop::time_forward(*graph_, buffers, parameters_.as<float>(), feed, calls, threads, timer);
  return forward_parts(*graph_, buffers.schedule(), feed);
}

}  // namespace hotloop
