# Written by tools/make_stubs.py.
from hotloop.activations.activation import Activation

__all__ = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "gelu_tanh",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hardshrink",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softshrink",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

celu: Activation
elu: Activation
exponential: Activation
gelu: Activation
gelu_tanh: Activation
glu: Activation
hard_shrink: Activation
hard_sigmoid: Activation
hard_silu: Activation
hard_swish: Activation
hard_tanh: Activation
hardshrink: Activation
leaky_relu: Activation
linear: Activation
log_sigmoid: Activation
log_softmax: Activation
mish: Activation
relu: Activation
relu6: Activation
selu: Activation
sigmoid: Activation
silu: Activation
soft_shrink: Activation
softmax: Activation
softplus: Activation
softshrink: Activation
softsign: Activation
sparse_plus: Activation
sparse_sigmoid: Activation
sparsemax: Activation
squareplus: Activation
swish: Activation
tanh: Activation
tanh_shrink: Activation
threshold: Activation
