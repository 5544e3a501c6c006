// Training steps, as many as asked for, in one call: gather, forward, loss, backward, update.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "program/entry.h"
#include "program/poll.h"
#include "program/program.h"

namespace hotloop {
void Program::run_steps(const TrainRequest& request, PassBuffers& buffers, std::int64_t begin,
                        std::int64_t end, int threads, TrainResult& result, Poll& poll, bool& stop) {
  const Feed& feed = request.feed;
  bool asked = false;
  run_team(threads, [&](Team& team) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t first = (request.first_step + s) * request.batch_size;
      const Batch batch{first, std::min(request.batch_size, feed.rows - first)};
      const auto iteration = request.iteration + s;
      // The last step leaves whole gradients in their arena, for whoever wants to look at them.
      const bool hot = s + 1 < request.steps;
      HotUpdate hot_update = update_.hot_update(parameters_, request.learning_rates[s], iteration + 1);
      RowsAhead ahead;
      if (hot && !feed.inputs.empty()) {
        const std::int64_t next = first + batch.rows;
        ahead = RowsAhead(feed.inputs[0], feed.order, {next, std::min(request.batch_size, feed.rows - next)},
                          team.share());
        hot_update.ask_for(&ahead);
      }
      const StepState state{parameters_,
                            gradients_,
                            true,
                            request.seed,
                            static_cast<std::uint64_t>(iteration),
                            hot ? &hot_update : nullptr,
                            &update_,
                            request.timer};
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
      team.barrier();
      mark();
      buffers.forward(*graph_, state, batch.rows, team);

      run_heads(buffers, batch.rows, team.share());
      team.barrier();
      for (std::size_t i = 0; i < request.outputs.size(); ++i) {
        const std::int64_t features = graph_->value(outputs_[i]).features();
        const Range rows = team.share().of(batch.rows);
        std::memcpy(request.outputs[i] + (first + rows.begin) * features,
                    static_cast<const float*>(buffers.value(outputs_[i])) + rows.begin * features,
                    static_cast<std::size_t>((rows.end - rows.begin) * features) * sizeof(float));
      }
      if (!request.outputs.empty()) team.barrier();
      mark();

      buffers.backward(*graph_, state, batch.rows, team);
      const double penalty =
          update_.step(parameters_, gradients_, request.learning_rates[s], iteration + 1, hot, team);
      if (team.rank() == 0) {
        double loss = penalty * static_cast<double>(batch.rows);
        for (std::size_t i = 0; i < heads_.size(); ++i)
          loss += sum_head_loss(heads_[i], buffers.head(i), batch.rows);
        result.steps += 1;
        result.rows += batch.rows;
        result.loss_sum += loss;
        stop = request.stop_on_nan && std::isnan(loss);
        asked = !stop && poll.due();
      }
      team.barrier();
      mark();
      if (asked) {  // only now is every rank's share of the step done: the hook may look at the weights
        if (team.rank() == 0)
          stop = poll.ask(result.steps,
                          result.loss_sum / static_cast<double>(request.rows_before + result.rows));
        team.barrier();
      }
      if (stop) return;
    }
  });
}

void Program::train(const TrainRequest& request, TrainResult& result) {
  const ProgramEntry entry(*this);
  const std::int64_t batch_rows = std::min(request.batch_size, request.feed.rows);
  const int allowed = allowed_threads(request.threads);
  PassBuffers& buffers = ready_to_train(request.feed, batch_rows, allowed);

  if (request.timer != nullptr)
    request.timer->reserve(request.steps,
                           buffers.schedule().forward.size() + buffers.schedule().backward.size() + 3);

  result = {};
  result.loss_sum = request.loss_before;
  Poll poll(request.hook);
  bool stop = false;
  if (request.threads > 0) {
    run_steps(request, buffers, 0, request.steps, allowed, result, poll, stop);
    return;
  }
  TeamChoice& choice = team_choice(Pass::train, batch_rows, allowed);
  for (std::int64_t done = 0; done < request.steps && !stop;) {
    const std::int64_t steps = choice.units(request.steps - done);
    const std::int64_t before = result.steps;
    const auto start = std::chrono::steady_clock::now();
    run_steps(request, buffers, done, done + steps, choice.threads(), result, poll, stop);
    choice.record(result.steps - before, std::chrono::steady_clock::now() - start);
    done += steps;
  }
}

}  // namespace hotloop
