#include "program/small_network.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"

namespace hotloop {
namespace {

// Estimates, not yet measured on any GPU: multiply-adds from which the layers' own kernels, which fill a GPU,
// take less time than one block (a training step) or the rows of few blocks (a prediction) do.
constexpr double kMostTraining = 1e6, kMostPredicting = 2e8;

bool is_worth_it(double multiply_adds, double most) {
  const char* const wanted = std::getenv("HOTLOOP_CUDA_SMALL");
  const std::string how = wanted == nullptr ? "" : wanted;
  require(how.empty() || how == "always" || how == "never",
          "HOTLOOP_CUDA_SMALL: expected always or never, got '", how, "'");
  return how == "always" || (how.empty() && multiply_adds <= most);
}

double multiply_adds(const cuda::Mlp& mlp) {
  double sum = 0;
  for (int i = 0; i < mlp.count; ++i)
    sum += static_cast<double>(mlp.layers[i].inputs) * static_cast<double>(mlp.layers[i].units);
  return sum;
}

struct Chain {
  cuda::Mlp mlp;
  std::vector<DenseLayer> layers;
  ActivationArgs last{Activation::linear};  // of a node of its own behind them
};

// The nodes as a chain from the only input to the only output: dense layers, and perhaps an activation.
std::optional<Chain> chain_of(const Graph& graph, const std::vector<ValueId>& outputs,
                              const float* parameters) {
  Chain chain;
  if (graph.inputs().size() != 1 || outputs.size() != 1) return std::nullopt;
  ValueId value = graph.inputs()[0];
  for (const GraphNode& entry : graph.nodes()) {
    if (entry.inputs.size() != 1 || entry.inputs[0] != value || chain.last.kind != Activation::linear)
      return std::nullopt;
    const std::int64_t features = graph.value(value).features();
    DenseLayer layer;
    if (entry.node->as_dense(parameters, layer)) {
      if (layer.inputs != features || chain.mlp.count == cuda::kMostMlpLayers) return std::nullopt;
      chain.mlp.layers[chain.mlp.count++] = {layer.inputs, layer.units, layer.kernel, layer.bias,
                                             layer.activation};
      chain.layers.push_back(layer);
    } else if (!entry.node->as_activation(chain.last) ||
               graph.value(entry.outputs[0]).features() != features) {
      return std::nullopt;
    }
    value = entry.outputs[0];
  }
  if (value != outputs[0] || !cuda::is_small(chain.mlp)) return std::nullopt;
  return chain;
}

}  // namespace

std::optional<cuda::Mlp> small_network(const Graph& graph, const std::vector<ValueId>& outputs,
                                       const float* parameters, std::int64_t rows) {
  std::optional<Chain> chain = chain_of(graph, outputs, parameters);
  if (!chain) return std::nullopt;
  chain->mlp.last = chain->last.kind;
  if (!cuda::is_small(chain->mlp)) return std::nullopt;
  if (!is_worth_it(multiply_adds(chain->mlp) * static_cast<double>(rows), kMostPredicting))
    return std::nullopt;
  return chain->mlp;
}

std::optional<cuda::MlpTraining> small_training(const Graph& graph, const std::vector<ValueId>& outputs,
                                                const std::vector<HeadSpec>& heads, const Update& update,
                                                float* parameters, float* gradients, std::int64_t batch_size,
                                                std::int64_t target_size) {
  const std::optional<Chain> chain = chain_of(graph, outputs, parameters);
  if (!chain || heads.size() != 1 || heads[0].positions != 1 || heads[0].sum || heads[0].loss == Loss::values)
    return std::nullopt;
  const HeadSpec& head = heads[0];
  // An activation behind the layers is the one that the loss does, or it is a case for the ordinary way.
  if (head.fuse != (chain->last.kind != Activation::linear)) return std::nullopt;
  const std::optional<Update::Plain> plain = update.plain();
  if (!plain || !cuda::fits_a_block(chain->mlp, batch_size, target_size)) return std::nullopt;
  if (!is_worth_it(3 * multiply_adds(chain->mlp) * static_cast<double>(batch_size), kMostTraining))
    return std::nullopt;

  cuda::MlpTraining training;
  training.mlp = chain->mlp;
  std::size_t variables = 0;
  for (std::size_t i = 0; i < chain->layers.size(); ++i) {
    const DenseLayer& layer = chain->layers[i];
    if (!layer.trainable) return std::nullopt;
    const bool biased = layer.bias_at != kNoParameter;
    variables += biased ? 2 : 1;
    training.places[i] = {layer.kernel_at, biased ? layer.bias_at : -1, update.decays(layer.kernel_at),
                          biased && update.decays(layer.bias_at)};
  }
  if (variables != plain->variables) return std::nullopt;  // a layer twice, or one that does not learn
  training.parameters = parameters, training.gradients = gradients;
  for (int k = 0; k < kOptimizerSlots; ++k) training.slots[k] = plain->slots[k];
  training.scalars = plain->scalars;
  training.loss.kind = head.loss;
  training.loss.from_logits = head.fuse || head.from_logits;
  training.loss.label_smoothing = head.label_smoothing;
  training.loss.delta = head.delta;
  training.fused = head.fuse;
  training.head_weight = head.weight;
  training.target_size = target_size;
  training.batch_size = batch_size;
  return training;
}

}  // namespace hotloop
