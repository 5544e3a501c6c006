"""What a frozen graph need not compute at run time goes into the weights of its products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.passes.fuse_activations import is_linear

Doubles = npt.NDArray[np.float64]


def fold(graph: Graph, keep: Callable[[Op], bool] | None = None) -> set[Value]:
    """Fold batch normalisation and rescaling into the products before or after them, where that is exact.

    Before: a linear product that nothing else reads. After: when every reader is a product, and unless `keep`
    wants that normalisation to stay. Samples are to be flattened first.

    Returns
    -------
    set of Value
        Those that were normalised, and whose columns are comparable as they are.
    """
    alike: set[Value] = set()
    for op in graph.ops:
        if op.kind not in ("batch_norm", "rescale"):
            continue
        maker = graph.producer(op.input)
        readers = graph.readers(op.output)
        if (
            maker is not None
            and is_linear(maker)
            and graph.only_reader(maker.output) is op
            and _fits(op, maker, "units")
        ):
            _scale_outputs(maker, *_affine(op))
            graph.absorb(maker, op)
        elif (
            readers
            and not (op.kind == "batch_norm" and keep is not None and keep(op))
            and not graph.is_output(op.output)
            and all(_fits(op, dense, "last_axis") for dense in readers)
        ):
            for dense in readers:
                _scale_inputs(dense, *_affine(op))
            if op.kind == "batch_norm" and not evens_out(op):
                alike.add(op.input)
            graph.bypass(op)
    return alike


def evens_out(op: Op) -> bool:
    """Whether a normalisation's columns differ so much that one scale for all would cost some bits."""
    mean, deviation = _statistics(op)
    largest = float(deviation.max())
    return largest > 4 * deviation.min() or float(mean.max()) > 4 * largest


def takes_offsets_off(op: Op) -> bool:
    """Whether a normalisation's columns lie so far from zero that rounding their weights would be heard."""
    mean, deviation = _statistics(op)
    return bool((mean > 4 * deviation).any())


def _statistics(op: Op) -> tuple[Doubles, Doubles]:
    variance = op.weights["moving_variance"].astype(np.float64) + op.number("epsilon")
    return np.abs(op.weights["moving_mean"].astype(np.float64)), np.sqrt(variance)


def _fits(op: Op, dense: Op, axis: str) -> bool:
    """Whether the op's vectors line up with that axis of the kernel, once or once a position."""
    if dense.kind != "dense":
        return False
    size, period = dense.integer(axis), op.integer("last_axis", 1)
    return size == period if axis == "units" and op.kind == "batch_norm" else size % period == 0


def _affine(op: Op) -> tuple[Doubles, Doubles]:
    """The op as ``x * factor + shift``, in double."""
    if op.kind == "rescale":
        return np.array([op.number("scale")]), np.array([op.number("offset")])
    weights = {name: array.astype(np.float64) for name, array in op.weights.items()}
    factor = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + op.number("epsilon"))
    shift = weights.get("beta", 0.0) - weights["moving_mean"] * factor
    return np.asarray(factor), np.asarray(shift)


def _scale_outputs(dense: Op, factor: Doubles, shift: Doubles) -> None:
    kernel = dense.weights["kernel"].astype(np.float64)
    bias = dense.weights.get("bias", np.zeros(kernel.shape[1], np.float32)).astype(np.float64)
    _store(dense, kernel * factor, bias * factor + shift)


def _scale_inputs(dense: Op, factor: Doubles, shift: Doubles) -> None:
    kernel = dense.weights["kernel"].astype(np.float64)
    bias = dense.weights.get("bias", np.zeros(kernel.shape[1], np.float32)).astype(np.float64)
    times = kernel.shape[0] // factor.size
    _store(dense, kernel * np.tile(factor, times)[:, None], bias + np.tile(shift, times) @ kernel)


def _store(dense: Op, kernel: Doubles, bias: Doubles) -> None:
    dense.weights = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
