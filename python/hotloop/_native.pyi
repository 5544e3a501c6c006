# Written by tools/make_stubs.py.
# mypy: disable-error-code="type-arg"
"""
hotloop's native half: kernels, programs and the machine.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

class Graph:
    """
    Nodes in the order in which they run, over values of rows of samples.
    """
    def __init__(self) -> None: ...
    def add(
        self,
        op: str,
        inputs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        attributes: dict = {},
        parameters: collections.abc.Mapping[str, typing.SupportsInt | typing.SupportsIndex] = {},
        arrays: collections.abc.Mapping[str, numpy.ndarray] = {},
    ) -> int | tuple[int, ...]:
        """
        Append a node; its value, or a tuple where it has several. An attribute, parameter or array that
        the op does not read is refused.
        """
    def batched(self, value: typing.SupportsInt | typing.SupportsIndex) -> bool:
        """
        False for a value that has no row for each sample: a weight, a constant.
        """
    def dtype(self, value: typing.SupportsInt | typing.SupportsIndex) -> str: ...
    def features(self, value: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    def input(
        self,
        shape: typing.SupportsInt
        | typing.SupportsIndex
        | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        dtype: str = "float32",
    ) -> int:
        """
        A value that calls give: rows of samples of this shape (or so many numbers). float32 takes bytes
        too, which become float32; int32 is handed on as it is.
        """
    def reshape(
        self,
        value: typing.SupportsInt | typing.SupportsIndex,
        shape: typing.SupportsInt
        | typing.SupportsIndex
        | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    ) -> int:
        """
        The same numbers as samples of another shape: another value, but no node and no memory.
        """
    def shape(self, value: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, ...]:
        """
        Of one sample.
        """

class Program:
    """
    A graph with its arenas: predicts, evaluates and trains in one call each.
    """
    def __init__(
        self,
        graph: Graph,
        outputs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        parameters: numpy.ndarray,
        gradients: numpy.ndarray | None = None,
    ) -> None: ...
    def evaluate(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        targets: collections.abc.Sequence[numpy.ndarray | None],
        weights: collections.abc.Sequence[numpy.ndarray] | None = None,
        outputs: collections.abc.Sequence[numpy.ndarray] = [],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> float: ...
    def predict(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        outputs: collections.abc.Sequence[numpy.ndarray],
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def predict_rows(self, x: typing.Any, allow_nonfinite: bool) -> typing.Any:
        """
        The results for a plain array of rows; None where it takes conversions, or an error.
        """
    def profile_predict(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        calls: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple:
        """
        The same of forward passes over all rows at once.
        """
    def profile_train(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        targets: collections.abc.Sequence[numpy.ndarray | None],
        weights: collections.abc.Sequence[numpy.ndarray] | None,
        order: numpy.ndarray | None,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        steps: typing.SupportsInt | typing.SupportsIndex,
        learning_rates: numpy.ndarray,
        iteration: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple:
        """
        Trains, and gives (what each part of a step is, seconds of steps x parts).
        """
    def set_loss(self, heads: collections.abc.Sequence[dict]) -> None:
        """
        The losses, a dict each: output (a value) and loss (a name of kernels.losses), and fuse,
        from_logits, label_smoothing, delta, weight and positions where they are not the defaults.
        evaluate and train take a target for each, in this order: None for the loss 'values', where
        the output is the loss of each position already and its mean is what is minimised.
        """
    def set_optimizer(
        self,
        options: dict,
        slots: collections.abc.Sequence[numpy.ndarray | None],
        variables: collections.abc.Sequence[
            tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
        ],
        regularizers: collections.abc.Sequence[
            tuple[
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsFloat | typing.SupportsIndex,
                typing.SupportsFloat | typing.SupportsIndex,
            ]
        ] = [],
        decay_excluded: collections.abc.Sequence[
            tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
        ] = [],
        global_clipnorm: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        clipnorm: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        clip_value: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ) -> None: ...
    def set_shapes(
        self,
        input: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        output: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    ) -> None:
        """
        Tell predict_rows the shapes of one sample.
        """
    def train(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        targets: collections.abc.Sequence[numpy.ndarray | None],
        weights: collections.abc.Sequence[numpy.ndarray] | None,
        order: numpy.ndarray | None,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        first_step: typing.SupportsInt | typing.SupportsIndex,
        steps: typing.SupportsInt | typing.SupportsIndex,
        learning_rates: numpy.ndarray,
        iteration: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex,
        outputs: collections.abc.Sequence[numpy.ndarray] = [],
        hook: typing.Any = None,
        stop_on_nan: bool = False,
        loss_before: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        rows_before: typing.SupportsInt | typing.SupportsIndex = 0,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> tuple: ...
    @property
    def done(self) -> tuple:
        """
        What the last train call returned, or would have but for an exception.
        """

class Session:
    """
    A graph with final weights, which any number of threads may run at once.
    """
    def __init__(
        self,
        graph: Graph,
        outputs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        parameters: numpy.ndarray,
        input_shapes: collections.abc.Sequence[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
        ],
        output_shapes: collections.abc.Sequence[
            collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
        ],
        rows: typing.SupportsInt | typing.SupportsIndex = 1,
        threads: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def profile_predict(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        calls: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple:
        """
        What each part of a forward pass is, and seconds of calls x parts.
        """
    def run(
        self,
        inputs: collections.abc.Sequence[numpy.ndarray],
        outputs: collections.abc.Sequence[numpy.ndarray],
    ) -> None: ...
    def run_rows(self, x: typing.Any, out: typing.Any, allow_nonfinite: bool) -> typing.Any:
        """
        The results for a plain array of rows; None where it takes conversions, or an error.
        """

def activation_backward(
    kind: str,
    alpha: typing.SupportsFloat | typing.SupportsIndex | None,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    x: numpy.ndarray | None,
    y: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    accumulate: bool = False,
) -> None: ...
def activation_forward(
    kind: str,
    alpha: typing.SupportsFloat | typing.SupportsIndex | None,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    x: numpy.ndarray,
    y: numpy.ndarray,
) -> None: ...
def activation_kinds() -> list[tuple]: ...
def activation_ref(
    kind: str,
    alpha: typing.SupportsFloat | typing.SupportsIndex | None,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    x: numpy.ndarray,
) -> tuple: ...
def add_forward(inputs: collections.abc.Sequence[numpy.ndarray], y: numpy.ndarray) -> None: ...
def add_regularizer_gradient(
    w: numpy.ndarray,
    g: numpy.ndarray,
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
) -> None:
    """
    g += 2 l2 w + l1 sign(w), in place.
    """

def all_finite(x: numpy.ndarray) -> bool:
    """
    Whether a float32 array holds neither NaN nor infinity.
    """

def apply_formula(formula: str, x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def argmax(x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def argmax_ref(x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def available_cpus() -> int: ...
def batch_norm(
    x: numpy.ndarray,
    y: numpy.ndarray,
    moving_mean: numpy.ndarray | None,
    moving_variance: numpy.ndarray | None,
    gamma: numpy.ndarray | None = None,
    beta: numpy.ndarray | None = None,
    mean: numpy.ndarray | None = None,
    inverse: numpy.ndarray | None = None,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.0010000000474974513,
    momentum: typing.SupportsFloat | typing.SupportsIndex = 0.9900000095367432,
) -> None: ...
def batch_norm_backward(
    x: numpy.ndarray,
    dy: numpy.ndarray,
    center: numpy.ndarray,
    spread: numpy.ndarray,
    training: bool,
    gamma: numpy.ndarray | None = None,
    dx: numpy.ndarray | None = None,
    dgamma: numpy.ndarray | None = None,
    dbeta: numpy.ndarray | None = None,
    accumulate: bool = False,
    accumulate_gamma: bool = False,
    accumulate_beta: bool = False,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.0010000000474974513,
) -> None: ...
def batch_norm_backward_ref(
    x: numpy.ndarray,
    dy: numpy.ndarray,
    center: numpy.ndarray,
    spread: numpy.ndarray,
    training: bool,
    gamma: numpy.ndarray | None = None,
    dx: numpy.ndarray | None = None,
    dgamma: numpy.ndarray | None = None,
    dbeta: numpy.ndarray | None = None,
    accumulate: bool = False,
    accumulate_gamma: bool = False,
    accumulate_beta: bool = False,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.0010000000474974513,
) -> None: ...
def batch_norm_ref(
    x: numpy.ndarray,
    y: numpy.ndarray,
    moving_mean: numpy.ndarray | None,
    moving_variance: numpy.ndarray | None,
    gamma: numpy.ndarray | None = None,
    beta: numpy.ndarray | None = None,
    mean: numpy.ndarray | None = None,
    inverse: numpy.ndarray | None = None,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.0010000000474974513,
    momentum: typing.SupportsFloat | typing.SupportsIndex = 0.9900000095367432,
) -> None: ...
def best_isa_level() -> str: ...
def bf16_unit() -> str: ...
def caches() -> str: ...
def cast_to_int(x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def cast_to_int_ref(x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def check_small_program(code: numpy.ndarray, constants: numpy.ndarray) -> None:
    """
    Raises ValueError where the arrays are no program.
    """

def class_numbers(labels: numpy.ndarray, classes: typing.SupportsInt | typing.SupportsIndex) -> typing.Any:
    """
    Whole numbers from 0 to classes - 1 as int32 (rows, numbers a row); None where some are others, or labels are no contiguous int32 or int64.
    """

def clear(y: numpy.ndarray) -> None: ...
def column_sum(x: numpy.ndarray, sums: numpy.ndarray, accumulate: bool = False) -> None: ...
def column_sum_ref(x: numpy.ndarray, sums: numpy.ndarray, accumulate: bool = False) -> None: ...
def copy_columns(
    x: numpy.ndarray,
    y: numpy.ndarray,
    x_first: typing.SupportsInt | typing.SupportsIndex,
    y_first: typing.SupportsInt | typing.SupportsIndex,
    cols: typing.SupportsInt | typing.SupportsIndex,
    accumulate: bool = False,
) -> None:
    """
    y[:, y_first:y_first+cols] = (or +=) x[:, x_first:x_first+cols]
    """

def copy_or_add(
    x: numpy.ndarray,
    y: numpy.ndarray,
    scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    offset: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    accumulate: bool = False,
) -> None: ...
def dequantize(
    q: numpy.ndarray,
    scale: typing.SupportsFloat | typing.SupportsIndex,
    zero_point: typing.SupportsInt | typing.SupportsIndex,
    out: numpy.ndarray,
) -> None: ...
def derivative_from_output(
    kind: str,
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> bool: ...
def dropout(
    x: numpy.ndarray,
    y: numpy.ndarray,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex = 0,
    step: typing.SupportsInt | typing.SupportsIndex = 0,
    stream: typing.SupportsInt | typing.SupportsIndex = 0,
    accumulate: bool = False,
) -> None: ...
def dropout_ref(
    x: numpy.ndarray,
    y: numpy.ndarray,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex = 0,
    step: typing.SupportsInt | typing.SupportsIndex = 0,
    stream: typing.SupportsInt | typing.SupportsIndex = 0,
    accumulate: bool = False,
) -> None: ...
def from_bf16(x: numpy.ndarray, out: numpy.ndarray) -> None: ...
def gather_rows(
    source: numpy.ndarray,
    out: numpy.ndarray,
    index: numpy.ndarray | None = None,
    first: typing.SupportsInt | typing.SupportsIndex = 0,
) -> None:
    """
    out[r] = source[index[r]], or source[first + r]; uint8 becomes float32.
    """

def gemm(
    a: numpy.ndarray,
    b: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    accumulate: bool = False,
    packed: numpy.ndarray | None = None,
) -> None: ...
def gemm_batch(
    a: numpy.ndarray,
    packed: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    accumulate: bool = False,
    relu: bool = False,
) -> None:
    """
    out = sum over i of a[i] @ b[i], the packed[i] being made by gemm_pack_b.
    """

def gemm_bf16(
    a: numpy.ndarray,
    weights: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> None: ...
def gemm_bf16_ref(
    a: numpy.ndarray,
    weights: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> None: ...
def gemm_int8(
    a: numpy.ndarray,
    weights: numpy.ndarray,
    units: typing.SupportsInt | typing.SupportsIndex,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    scale: numpy.ndarray | None = None,
    row_scale: numpy.ndarray | None = None,
    row_zero_point: numpy.ndarray | None = None,
    column_sum: numpy.ndarray | None = None,
    float_bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    out_inverse_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    out_zero_point: typing.SupportsInt | typing.SupportsIndex = 0,
) -> None: ...
def gemm_int8_ref(
    a: numpy.ndarray,
    weights: numpy.ndarray,
    units: typing.SupportsInt | typing.SupportsIndex,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    scale: numpy.ndarray | None = None,
    row_scale: numpy.ndarray | None = None,
    row_zero_point: numpy.ndarray | None = None,
    column_sum: numpy.ndarray | None = None,
    float_bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    out_inverse_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    out_zero_point: typing.SupportsInt | typing.SupportsIndex = 0,
) -> None: ...
def gemm_pack_b(b: numpy.ndarray) -> numpy.typing.NDArray[numpy.float32]:
    """
    b in the order in which gemm(packed=) reads it.
    """

def gemm_path(
    a: numpy.ndarray, b: numpy.ndarray, out: numpy.ndarray, packed: numpy.ndarray | None = None
) -> str:
    """
    How gemm would go about this product on one thread.
    """

def gemm_quick(
    a: typing.Any, b: typing.Any, bias: typing.Any, activation: typing.Any, out: typing.Any
) -> typing.Any:
    """
    activation(a @ b + bias) for plain float32 arrays, or None where the arguments are of another kind.
    """

def gemm_ref(
    a: numpy.ndarray,
    b: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    accumulate: bool = False,
    packed: numpy.ndarray | None = None,
) -> None: ...
def has_peak(name: str) -> bool: ...
def isa_level() -> str: ...
def isa_levels() -> list[str]: ...
def loss(
    kind: str,
    prediction: numpy.ndarray,
    target: numpy.ndarray,
    weight: numpy.ndarray | None,
    row_loss: numpy.ndarray,
    gradient: numpy.ndarray | None = None,
    probability: numpy.ndarray | None = None,
    from_logits: bool = False,
    label_smoothing: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    delta: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    gradient_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> None: ...
def loss_ref(
    kind: str,
    prediction: numpy.ndarray,
    target: numpy.ndarray,
    weight: numpy.ndarray | None,
    row_loss: numpy.ndarray,
    gradient: numpy.ndarray | None = None,
    probability: numpy.ndarray | None = None,
    from_logits: bool = False,
    label_smoothing: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    delta: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    gradient_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> None: ...
def loss_row_ref(
    kind: str,
    prediction: numpy.ndarray,
    target: numpy.ndarray,
    from_logits: bool = False,
    label_smoothing: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    delta: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> tuple: ...
def losses() -> list[str]: ...
def matmul(
    a: numpy.ndarray, b: numpy.ndarray, c: numpy.ndarray, transpose_a: bool = False, transpose_b: bool = False
) -> None:
    """
    c = a @ b, of which either may lie with its last axes swapped.
    """

def matmul_backward(
    a: numpy.ndarray,
    b: numpy.ndarray,
    dc: numpy.ndarray,
    da: numpy.ndarray,
    db: numpy.ndarray,
    transpose_a: bool = False,
    transpose_b: bool = False,
    accumulate: bool = False,
) -> None: ...
def matmul_bf16(
    a: numpy.ndarray,
    b: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    unit: str | None = None,
) -> None: ...
def matmul_bf16_ref(
    a: numpy.ndarray,
    b: numpy.ndarray,
    out: numpy.ndarray,
    bias: numpy.ndarray | None = None,
    activation: str = "linear",
    alpha: typing.SupportsFloat | typing.SupportsIndex | None = None,
    beta: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    unit: str | None = None,
) -> None: ...
def matmul_gradients_ref(
    a: numpy.ndarray,
    b: numpy.ndarray,
    dc: numpy.ndarray,
    da: numpy.ndarray,
    db: numpy.ndarray,
    transpose_a: bool = False,
    transpose_b: bool = False,
) -> None:
    """
    Adds to da and db, which are float64.
    """

def matmul_ref(
    a: numpy.ndarray, b: numpy.ndarray, c: numpy.ndarray, transpose_a: bool = False, transpose_b: bool = False
) -> None: ...
def measure_peak(
    name: str,
    threads: typing.SupportsInt | typing.SupportsIndex,
    seconds: typing.SupportsFloat | typing.SupportsIndex,
) -> float:
    """
    Operations a second.
    """

def measure_stream(
    name: str,
    memory: numpy.ndarray,
    bytes: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    seconds: typing.SupportsFloat | typing.SupportsIndex,
) -> float:
    """
    Bytes read plus bytes written a second.
    """

def min_max(x: numpy.ndarray) -> tuple[float, float]: ...
def multiply_backward(
    inputs: collections.abc.Sequence[numpy.ndarray],
    which: typing.SupportsInt | typing.SupportsIndex,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    accumulate: bool = False,
) -> None: ...
def multiply_forward(inputs: collections.abc.Sequence[numpy.ndarray], y: numpy.ndarray) -> None: ...
def num_threads() -> int: ...
def optimizer_ref(
    kind: str,
    w: numpy.ndarray,
    g: numpy.ndarray,
    slots: collections.abc.Sequence[numpy.ndarray | None] = [],
    *,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex = 0.009999999776482582,
    momentum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    nesterov: bool = False,
    rho: typing.SupportsFloat | typing.SupportsIndex = 0.8999999761581421,
    centered: bool = False,
    beta_1: typing.SupportsFloat | typing.SupportsIndex = 0.8999999761581421,
    beta_2: typing.SupportsFloat | typing.SupportsIndex = 0.9990000128746033,
    amsgrad: bool = False,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 1.0000000116860974e-07,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    gradient_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    clip_value: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    step: typing.SupportsInt | typing.SupportsIndex = 1,
) -> None: ...
def optimizer_step(
    kind: str,
    w: numpy.ndarray,
    g: numpy.ndarray,
    slots: collections.abc.Sequence[numpy.ndarray | None] = [],
    *,
    learning_rate: typing.SupportsFloat | typing.SupportsIndex = 0.009999999776482582,
    momentum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    nesterov: bool = False,
    rho: typing.SupportsFloat | typing.SupportsIndex = 0.8999999761581421,
    centered: bool = False,
    beta_1: typing.SupportsFloat | typing.SupportsIndex = 0.8999999761581421,
    beta_2: typing.SupportsFloat | typing.SupportsIndex = 0.9990000128746033,
    amsgrad: bool = False,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 1.0000000116860974e-07,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    gradient_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    clip_value: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    step: typing.SupportsInt | typing.SupportsIndex = 1,
) -> None: ...
def pack_weights_s8(weights: numpy.ndarray, packed: numpy.ndarray, column_sums: numpy.ndarray) -> None: ...
def packed_size_s8(
    k: typing.SupportsInt | typing.SupportsIndex, n: typing.SupportsInt | typing.SupportsIndex
) -> int: ...
def quantize(
    x: numpy.ndarray,
    scale: typing.SupportsFloat | typing.SupportsIndex,
    zero_point: typing.SupportsInt | typing.SupportsIndex,
    out: numpy.ndarray,
) -> None: ...
def quantize_columns(
    x: numpy.ndarray, inverse: numpy.ndarray, offset: numpy.ndarray, out: numpy.ndarray
) -> None: ...
def quantize_ref(
    x: numpy.ndarray,
    scale: typing.SupportsFloat | typing.SupportsIndex,
    zero_point: typing.SupportsInt | typing.SupportsIndex,
    out: numpy.ndarray,
) -> None: ...
def quantize_rows(
    x: numpy.ndarray, out: numpy.ndarray, scale: numpy.ndarray, zero_point: numpy.ndarray
) -> None: ...
def reduce_backward(
    kind: str, x: numpy.ndarray, dy: numpy.ndarray, dx: numpy.ndarray, accumulate: bool = False
) -> None: ...
def reduce_backward_ref(
    kind: str, x: numpy.ndarray, dy: numpy.ndarray, dx: numpy.ndarray, accumulate: bool = False
) -> None: ...
def reduce_forward(kind: str, x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def reduce_forward_ref(kind: str, x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def rescale_backward(
    x: numpy.ndarray,
    y: numpy.ndarray,
    scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    offset: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    accumulate: bool = False,
) -> None: ...
def rescale_forward(
    x: numpy.ndarray,
    y: numpy.ndarray,
    scale: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    offset: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    accumulate: bool = False,
) -> None: ...
def row_activation_backward(
    kind: str,
    x: numpy.ndarray | None,
    y: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    accumulate: bool = False,
) -> None: ...
def row_activation_forward(kind: str, x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def row_activation_ref(kind: str, x: numpy.ndarray, dy: numpy.ndarray) -> tuple: ...
def run_small_program(
    code: numpy.ndarray,
    constants: numpy.ndarray,
    inputs: collections.abc.Sequence[numpy.ndarray],
    outputs: collections.abc.Sequence[numpy.ndarray | None],
    accumulate: bool = False,
) -> None:
    """
    Inputs are float32, int32 or uint8 and broadcast to the outputs, which are float32 or None.
    """

def set_isa_level(level: str) -> None: ...
def set_num_threads(threads: typing.SupportsInt | typing.SupportsIndex) -> None: ...
def shuffled_order(
    seed: typing.SupportsInt | typing.SupportsIndex,
    epoch: typing.SupportsInt | typing.SupportsIndex,
    n: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.ndarray:
    """
    A permutation of 0..n-1 (int32) that depends on seed and epoch alone.
    """

def small_program_instructions() -> list[tuple[str, int]]:
    """
    Names and numbers of operands, by opcode.
    """

def small_program_limits() -> dict:
    """
    The most that a program may have; blocks: inputs, slots and outputs together.
    """

def small_program_ref(
    code: numpy.ndarray,
    constants: numpy.ndarray,
    inputs: collections.abc.Sequence[numpy.ndarray],
    outputs: collections.abc.Sequence[numpy.ndarray],
) -> None:
    """
    The same in float64, on arrays of one size.
    """

def strided_copy(x: numpy.ndarray, y: numpy.ndarray, accumulate: bool = False) -> None: ...
def strided_copy_ref(x: numpy.ndarray, y: numpy.ndarray, accumulate: bool = False) -> None: ...
def sum_absolute_blocks(x: numpy.ndarray) -> numpy.typing.NDArray[numpy.float32]:
    """
    One sum for each block of 4096 elements.
    """

def sum_squares_blocks(x: numpy.ndarray) -> numpy.typing.NDArray[numpy.float32]:
    """
    One sum for each block of 4096 elements.
    """

def to_bf16(x: numpy.ndarray, out: numpy.ndarray) -> None: ...

__version__: str
