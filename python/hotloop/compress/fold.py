"""Plan to plan, in float: what a frozen model need not compute at run time goes into the weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hotloop.compress.plan import Op, Plan

Doubles = npt.NDArray[np.float64]
ROWWISE = frozenset({"softmax", "log_softmax", "sparsemax", "glu"})


def fold_constants(plan: Plan) -> None:
    """Fold batch normalisation and rescaling into the Dense ops before or after them, where that is exact.

    Before: a linear Dense that nobody else reads. After: when every reader is a Dense.
    """
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
            and op.output not in plan.outputs
            and all(_fits(op, dense, "last_axis") for dense in readers)
        ):
            for dense in readers:
                _scale_inputs(dense, *_affine(op))
            plan.drop(op)


def fuse_activations(plan: Plan) -> None:
    """Let Dense ops apply the elementwise activation behind them: frozen kernels can, whatever the kind."""
    for op in list(plan.ops):
        if op.op != "activation" or op.attributes["kind"] in ROWWISE:
            continue
        maker = plan.producer(op.inputs[0])
        if _is_linear(maker) and maker is not None and plan.only_reader(maker.output) is op:
            maker.attributes |= {
                "activation": op.attributes["kind"],
                "alpha": op.attributes["alpha"],
                "beta": op.attributes["beta"],
            }
            plan.absorb(maker, op)


def _is_linear(op: Op | None) -> bool:
    return op is not None and op.op == "dense" and op.attributes.get("activation", "linear") == "linear"


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
