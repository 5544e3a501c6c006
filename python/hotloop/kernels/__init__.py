"""The raw kernels: what a program is made of, one call at a time.

Arrays are NumPy's or CuPy's, in one call all of one kind (lists and numbers go with either), and results are
of that kind: wherever a parameter or a result is an ndarray, CuPy's will do. NumPy's and CuPy's arrays in one
call raise TypeError, which names one of each.

All kernels give the same bits on the CPU and on a GPU, but for :func:`gemm_bf16` with both operands in
bfloat16.
"""

from hotloop.core.naming import public_names
from hotloop.kernels.activation import activation, activation_gradient, softmax
from hotloop.kernels.bf16 import from_bf16, gemm_bf16, to_bf16
from hotloop.kernels.gemm import gemm
from hotloop.kernels.gemm_int8 import PackedWeights, gemm_int8, gemm_int8_dynamic, pack_weights
from hotloop.kernels.loss import softmax_cross_entropy
from hotloop.kernels.optimizer import adam_step, rmsprop_step, sgd_step
from hotloop.kernels.quantize import (
    dequantize,
    min_max,
    quantize,
    quantize_columns,
    quantize_rows,
    quantize_weights,
)

__all__ = [
    "PackedWeights",
    "activation",
    "activation_gradient",
    "adam_step",
    "dequantize",
    "from_bf16",
    "gemm",
    "gemm_bf16",
    "gemm_int8",
    "gemm_int8_dynamic",
    "min_max",
    "pack_weights",
    "quantize",
    "quantize_columns",
    "quantize_rows",
    "quantize_weights",
    "rmsprop_step",
    "sgd_step",
    "softmax",
    "softmax_cross_entropy",
    "to_bf16",
]


def __dir__() -> list[str]:
    return public_names(globals())
