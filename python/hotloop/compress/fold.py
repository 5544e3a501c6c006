"""Plan to plan, in float: what a frozen model need not compute at run time goes into the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hotloop.compress.plan import Op, Plan
from hotloop.ir.activation import ROWWISE

Doubles = npt.NDArray[np.float64]


def fold_constants(plan: Plan, keep: Callable[[Op], bool] | None = None) -> set[int]:
    """Fold batch normalisation and rescaling into the Dense ops before or after them, where that is exact.

    Before: a linear Dense that nobody else reads. After: when every reader is a Dense, and unless `keep`
    wants that normalisation to stay.

    Returns
    -------
    set of int
        Values that were normalised, and whose columns are comparable as they are.
    """
    alike: set[int] = set()
    for op in list(plan.ops):
        if op.op not in ("batch_norm", "rescale"):
            continue
        maker = plan.producer(op.inputs[0])
        readers = plan.consumers(op.output)
        if (
            _is_linear(maker)
            and maker is not None
            and plan.only_reader(maker.output) is op
            and _fits(op, maker, "units")
        ):
            _scale_outputs(maker, *_affine(op))
            plan.absorb(maker, op)
        elif (
            readers
            and not (op.op == "batch_norm" and keep is not None and keep(op))
            and op.output not in plan.outputs
            and all(_fits(op, dense, "last_axis") for dense in readers)
        ):
            for dense in readers:
                _scale_inputs(dense, *_affine(op))
            if op.op == "batch_norm" and not evens_out(op):
                alike.add(op.inputs[0])
            plan.drop(op)
    return alike


def fuse_activations(plan: Plan, into: Sequence[Op]) -> None:
    """Let Dense ops apply the elementwise activation behind them: quantised kernels can, whatever kind."""
    chosen = {id(op) for op in into}
    for op in list(plan.ops):
        if op.op != "activation" or op.attributes["kind"] in ROWWISE:
            continue
        maker = plan.producer(op.inputs[0])
        if (
            id(maker) in chosen
            and _is_linear(maker)
            and maker is not None
            and plan.only_reader(maker.output) is op
        ):
            maker.attributes |= {
                "activation": op.attributes["kind"],
                "alpha": op.attributes["alpha"],
                "beta": op.attributes["beta"],
            }
            plan.absorb(maker, op)


def _is_linear(op: Op | None) -> bool:
    return op is not None and op.op == "dense" and op.attributes.get("activation", "linear") == "linear"


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
    variance = op.weights["moving_variance"].astype(np.float64) + float(op.attributes["epsilon"])
    return np.abs(op.weights["moving_mean"].astype(np.float64)), np.sqrt(variance)


def _fits(op: Op, dense: Op, axis: str) -> bool:
    """Whether the op's vectors line up with that axis of the kernel, once or once a position."""
    if dense.op != "dense":
        return False
    size, period = int(dense.attributes[axis]), int(op.attributes.get("last_axis", 1))
    return size == period if axis == "units" and op.op == "batch_norm" else size % period == 0


def _affine(op: Op) -> tuple[Doubles, Doubles]:
    """The op as ``x * factor + shift``, in double."""
    if op.op == "rescale":
        return np.array([float(op.attributes["scale"])]), np.array([float(op.attributes["offset"])])
    weights = {name: array.astype(np.float64) for name, array in op.weights.items()}
    factor = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + float(op.attributes["epsilon"]))
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
