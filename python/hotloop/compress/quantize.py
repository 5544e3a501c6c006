"""Post-training quantisation: a trained model becomes a frozen one with int8 or bfloat16 weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.arrays import as_array, input_array, require_same_rows, split_by_name
from hotloop.compress.calibrate import AffineScale, Observer, make_observer
from hotloop.compress.fold import fold_constants, fuse_activations
from hotloop.compress.plan import Attributes, Op, Plan, build
from hotloop.compress.quantized_model import QuantizedModel, describe
from hotloop.compress.record import record
from hotloop.device import Host, backend, to_host
from hotloop.errors import bad_value, integer, unknown_name

if TYPE_CHECKING:
    from hotloop.models import Model

PRECISIONS = ("int8", "int8_dynamic", "bf16")
DEEPEST = 65536  # products an int32 sum holds without overflow
Array = npt.NDArray[Any]


def quantize_model(
    model: Model,
    precision: str = "int8",
    calibration_data: Any = None,
    calibration: str = "minmax",
    percentile: float = 99.99,
    batch_size: int = 1024,
) -> QuantizedModel:
    """Make a frozen model with smaller, faster weights.

    Batch normalisation and rescaling are folded into Dense layers, and dropout goes. With "int8", Dense
    layers multiply u8 activations (asymmetric, one scale a tensor) by s8 weights (symmetric, one scale an
    output unit) exactly in int32; between two of them only u8 lies in memory. What the model's outputs and
    other layers read is float32. The bytes that come out are the same on every instruction set, thread count
    and GPU. The result computes where the model does.

    Parameters
    ----------
    model : Model
        Stays as it is.
    precision : {"int8", "int8_dynamic", "bf16"}
        "int8_dynamic" quantises each row of activations by its own range while predicting: no calibration,
        but slower than "int8". "bf16" stores weights as bfloat16 and computes in float32.
    calibration_data : array or list of arrays
        For "int8": inputs as for `predict`, a few hundred typical rows. Read in chunks; memory does not grow
        with their number.
    calibration : {"minmax", "percentile", "mse"}
        How activation ranges are chosen: all that was seen; all but the rarest; the range with the least mean
        squared error.
    percentile : float
        In (50, 100]: for "percentile".
    batch_size : int
        Rows a chunk of calibration.

    Returns
    -------
    QuantizedModel

    Raises
    ------
    ValueError
        For an unknown precision or calibration, a model without Dense layers, or calibration data that are
        missing, empty, of the wrong shape, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(4,)), hl.layers.Dense(3)])
    >>> fast = hl.quantize_model(model, calibration_data=np.random.rand(100, 4).astype("float32"))
    >>> fast.precision, fast.predict(np.ones((2, 4), "float32")).shape
    ('int8', (2, 3))
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    make_observer(calibration, percentile)
    integer("batch_size", batch_size, at_least=1)
    plan = record(model)
    fold_constants(plan)
    targets = [op for op in plan.ops if op.op == "dense"]
    if precision != "bf16":
        targets = [op for op in targets if int(op.attributes["last_axis"]) <= DEEPEST]
    if not targets:
        raise ValueError(f"quantize: model {model.name!r} has no Dense layer that {precision} could store")
    scales: dict[int, AffineScale] = {}
    if precision == "int8":
        observed = list(dict.fromkeys(op.inputs[0] for op in targets))
        chunks = _chunks(model, calibration_data, batch_size)
        scales = _calibrate(plan, observed, chunks, calibration, percentile, backend(model.device))
    fuse_activations(plan)
    weights = _WeightStore(precision)
    if precision == "int8":
        _emit_static(plan, targets, scales, weights)
    else:
        for op in targets:
            _rewrite(op, weights.of(op, None), {"dynamic": 1} if precision == "int8_dynamic" else {})
    return QuantizedModel(plan, **describe(model, precision))


def _chunks(model: Model, data: Any, batch_size: int) -> Iterator[list[Array]]:
    if data is None:
        raise ValueError(
            "calibration_data: expected a few hundred typical inputs for precision 'int8', got none; "
            "give some, or use precision='int8_dynamic', which needs none"
        )
    names = [tensor.layer.name for tensor in model.graph.inputs]
    shapes = [tensor.sample_shape for tensor in model.graph.inputs]
    given = split_by_name("calibration_data", data, names, shapes)
    arrays = {
        name: as_array(f"calibration_data {name!r}", array) for name, array in zip(names, given, strict=True)
    }
    where = backend(model.device)
    rows = require_same_rows(arrays)
    if rows == 0:
        raise bad_value("calibration_data", "at least one row", "none")
    for first in range(0, rows, batch_size):
        chunk = []
        for (name, array), shape in zip(arrays.items(), shapes, strict=True):
            what = f"calibration_data {name!r}"
            part = to_host(input_array(what, array[first : first + batch_size], shape, True, where))
            if part.dtype == np.float32 and not np.isfinite(part).all():
                raise bad_value(what, "finite numbers", "NaN or infinity", "clean the data")
            chunk.append(part)
        yield chunk


def _calibrate(
    plan: Plan,
    observed: list[int],
    chunks: Iterator[list[Array]],
    calibration: str,
    percentile: float,
    where: Host,
) -> dict[int, AffineScale]:
    """The u8 grid of each observed value, from the float plan's run over the data."""
    observers: dict[int, Observer] = {value: make_observer(calibration, percentile) for value in observed}
    inner = [value for value in observed if value not in plan.inputs]
    built = build(plan, outputs=inner, where=where) if inner else None
    for chunk in chunks:
        for value, array in zip(plan.inputs, chunk, strict=True):
            if value in observers:
                observers[value].update(np.asarray(array, np.float32))
        if built is not None:
            for value, array in zip(inner, built.run(chunk), strict=True):
                if not np.isfinite(array).all():
                    raise bad_value("calibration", "finite activations", "NaN or infinity inside the model")
                observers[value].update(array)
    return {value: observer.scale() for value, observer in observers.items()}


def _emit_static(
    plan: Plan, targets: list[Op], scales: dict[int, AffineScale], weights: _WeightStore
) -> None:
    """Rewrite to int8: a value that only int8 ops read stays u8 in memory."""
    int8 = {id(op) for op in targets}
    as_bytes = {
        op.output
        for op in targets
        if op.output not in plan.outputs
        and plan.consumers(op.output)
        and all(id(reader) in int8 for reader in plan.consumers(op.output))
    }
    quantized = {value: value for value in as_bytes}
    ops: list[Op] = []
    for op in plan.ops:
        if id(op) in int8:
            value = op.inputs[0]
            grid = scales[value]
            if value not in quantized:
                quantized[value] = 1 + max(
                    [*plan.inputs, *(op.output for op in plan.ops), *quantized.values()]
                )
                how: Attributes = {"scale": grid.scale, "zero_point": grid.zero_point}
                ops.append(Op("quantize", [value], quantized[value], how, source=op.source))
            attributes: Attributes = {
                "in_scale": grid.scale,
                "in_zero_point": grid.zero_point,
                "output": "float32",
            }
            if op.output in as_bytes:
                out = scales[op.output]
                attributes |= {"output": "uint8", "out_scale": out.scale, "out_zero_point": out.zero_point}
            op.inputs = [quantized[value]]
            _rewrite(op, weights.of(op, grid.scale), attributes)
        ops.append(op)
    plan.ops = ops


class _WeightStore:
    """Kernels in their stored form, each made once where layers share it."""

    def __init__(self, precision: str) -> None:
        self._precision = precision
        self._made: dict[tuple[int, int, float | None], dict[str, Array]] = {}

    def of(self, op: Op, in_scale: float | None) -> dict[str, Array]:
        bias = op.weights.get("bias")
        key = (id(op.weights["kernel"]), id(bias), in_scale)
        if key not in self._made:
            make = _bf16_weights if self._precision == "bf16" else _int8_weights
            self._made[key] = make(op.weights["kernel"], bias, in_scale)
            if bias is not None:
                self._made[key]["bias"] = bias
        return dict(self._made[key])


def _int8_weights(kernel: Array, bias: Array | None, in_scale: float | None) -> dict[str, Array]:
    """Packed s8 and scales. A static op's scale grows where its bias would not fit the int32 sum."""
    from hotloop.kernels import pack_weights, quantize_weights

    if bias is None or in_scale is None:
        integers, scale = quantize_weights(kernel)
    else:
        integers, scale = quantize_weights(kernel, bias, in_scale)
    return {"weight": pack_weights(integers).data, "scale": scale}


def _bf16_weights(kernel: Array, bias: Array | None, in_scale: float | None) -> dict[str, Array]:
    from hotloop.kernels import to_bf16

    return {"weight": to_bf16(kernel)}


def _rewrite(op: Op, arrays: dict[str, Array], attributes: Attributes) -> None:
    op.op = "dense_int8" if arrays["weight"].dtype == np.int8 else "dense_bf16"
    op.attributes = {name: value for name, value in op.attributes.items() if name != "trainable"} | attributes
    op.arrays, op.weights = arrays, {}
