"""What memory bounds, as a share of the bandwidth that a plain copy has in the same turns."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gpu import arrays
from gpu.measuring import Measuring
from gpu.row import OURS, Row, compared

PART = "memory"
COPY = "copy"
CHECKED_ROWS = 64
DENSE = "softmax cross-entropy, dense targets"
SPARSE = "softmax cross-entropy, class numbers, with a copy to the host and a wait"
# What the target table asks for that no row of this part is.
NOT_MEASURED = (
    "layer norm: the package has none; batch norm stands in",
    "bias + activation by itself: the product before adds the bias as it is written; activation stands in",
    "softmax cross-entropy of class numbers as a training step runs it: from outside, they are copied to the "
    "host and looked at first; dense targets stand in",
)


def run(on: Measuring) -> None:
    """Measure every kernel of the target table that memory bounds."""
    parameters = 5_000 if on.tiny else 100_000_000
    shape = (70, 96) if on.tiny else (32_768, 4_096)
    on.run(f"Adam, {parameters:,} parameters", partial(adam, on, parameters), 5)
    on.run(DENSE, partial(cross_entropy, on, shape, False), 5)
    on.run(SPARSE, partial(cross_entropy, on, shape, True), 5)
    on.run("batch norm, training", partial(batch_norm, on, shape), 5)
    on.run("softmax", partial(softmax, on, shape), 5)
    for kind in ("relu", "gelu"):
        on.run(f"activation {kind}", partial(activation, on, kind, shape), 5)


def _row(on: Measuring, name: str, call: Any, moved: float, target: float | None, note: str = "") -> Row:
    """`moved`: the bytes that a call has to read and write at least."""
    size = 10_000 if on.tiny else 1 << 28
    source, to = arrays.normal(on.cupy, (size,), 9), on.cupy.empty((size,), np.float32)
    copy = getattr(on.cupy, "copyto", None)

    def plain_copy() -> None:
        if copy is not None:
            copy(to, source)
        else:
            to[...] = source

    times = on.times({OURS: call, COPY: plain_copy})
    return compared(PART, name, times, {OURS: moved * 1e-12, COPY: 8e-12 * size}, "TB/s", target, note)


def adam(on: Measuring, size: int) -> Row:
    """One launch over all parameters: four arrays read, three written."""
    from hotloop import _native

    w, g = arrays.normal(on.cupy, (size,), 1), arrays.normal(on.cupy, (size,), 2)
    slots = [on.cupy.zeros((size,), np.float32) for _ in range(2)]
    few = min(size, 5_000)
    host = [array[:few].get() for array in (w, g, *slots)]
    on.cuda.optimizer_step("adam", w, g, slots, learning_rate=1e-3, step=1)
    _native.optimizer_step("adam", host[0], host[1], host[2:], learning_rate=1e-3, step=1)
    arrays.require_same_bits("Adam", w[:few].get(), host[0])

    def step() -> None:
        on.cuda.optimizer_step("adam", w, g, slots, learning_rate=1e-3, step=2)

    return _row(on, f"Adam, {size:,} parameters", step, 28.0 * size, 0.90)


def cross_entropy(on: Measuring, shape: tuple[int, int], sparse: bool) -> Row:
    """Loss and gradient from logits in one pass: logits and dense targets read, gradients written.

    With class numbers the binding looks at these on the host first, which a training step does not: that
    row has a copy and a wait in it, says so, and has no target.
    """
    from hotloop import _native

    kind = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    rows, columns = shape
    logits = arrays.normal(on.cupy, shape, 3)
    if sparse:
        target = on.cupy.asarray(np.random.default_rng(4).integers(0, columns, rows).astype(np.int32))
    else:
        target = on.cupy.empty(shape, np.float32)
        on.cuda.row_activation_forward("softmax", arrays.normal(on.cupy, shape, 4), target)
    losses, gradient = on.cupy.empty((rows,), np.float32), on.cupy.empty(shape, np.float32)

    def both() -> None:
        on.cuda.loss(kind, logits, target, None, losses, gradient, from_logits=True)

    both()
    few = slice(0, CHECKED_ROWS)
    expected = [np.empty(CHECKED_ROWS, np.float32), np.empty((CHECKED_ROWS, columns), np.float32)]
    _native.loss(kind, logits[few].get(), target[few].get(), None, *expected, from_logits=True)
    arrays.require_same_bits("losses", losses[few].get(), expected[0])
    arrays.require_same_bits("gradients", gradient[few].get(), expected[1])
    if sparse:
        return _row(on, SPARSE, both, 8.0 * logits.size, None)
    return _row(on, DENSE, both, 12.0 * logits.size, 0.88)


def batch_norm(on: Measuring, shape: tuple[int, int]) -> Row:
    """Statistics, then the normalised values: x is read twice, since no cache holds it."""
    x, y = arrays.normal(on.cupy, shape, 5), on.cupy.empty(shape, np.float32)
    moving = [on.cupy.zeros((shape[1],), np.float32) for _ in range(2)]
    gamma, beta = arrays.normal(on.cupy, (shape[1],), 6), arrays.normal(on.cupy, (shape[1],), 7)
    mean, inverse = (on.cupy.zeros((shape[1],), np.float32) for _ in range(2))

    def forward() -> None:
        on.cuda.batch_norm(x, y, *moving, gamma, beta, mean, inverse)

    forward()
    host = x.get().astype(np.float64)
    expected = (host - host.mean(0)) / np.sqrt(host.var(0) + 1e-3) * gamma.get() + beta.get()
    arrays.require_close("batch norm", y.get(), expected, 1e-4)
    return _row(on, "batch norm, training", forward, 12.0 * x.size, 0.88, "x counted twice")


def softmax(on: Measuring, shape: tuple[int, int]) -> Row:
    """Along rows."""
    from hotloop import _native

    x, y = arrays.normal(on.cupy, shape, 8), on.cupy.empty(shape, np.float32)
    on.cuda.row_activation_forward("softmax", x, y)
    first = x[:CHECKED_ROWS].get()
    expected = np.empty_like(first)
    _native.row_activation_forward("softmax", first, expected)
    arrays.require_same_bits("softmax", y[:CHECKED_ROWS].get(), expected)
    return _row(on, "softmax", lambda: on.cuda.row_activation_forward("softmax", x, y), 8.0 * x.size, 0.88)


def activation(on: Measuring, kind: str, shape: tuple[int, int]) -> Row:
    """Element by element; the bias is added where the product before is written."""
    from hotloop import _native

    x, y = arrays.normal(on.cupy, shape, 8), on.cupy.empty(shape, np.float32)
    on.cuda.activation_forward(kind, None, 0.0, x, y)
    first = x[:CHECKED_ROWS].get()
    expected = np.empty_like(first)
    _native.activation_forward(kind, None, 0.0, first, expected)
    arrays.require_same_bits(kind, y[:CHECKED_ROWS].get(), expected)
    return _row(
        on,
        f"activation {kind}",
        lambda: on.cuda.activation_forward(kind, None, 0.0, x, y),
        8.0 * x.size,
        0.88,
    )
