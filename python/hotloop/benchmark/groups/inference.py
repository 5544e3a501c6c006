"""Prediction through each library's Python API: NumPy arrays in, NumPy arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import hotloop as hl
from hotloop import _native
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.networks import NETWORKS, Network
from hotloop.benchmark.row import OURS, Measured, Row, at_most, faster
from hotloop.benchmark.timing import Side

Array = npt.NDArray[Any]
ORT, ORT_STATIC, ORT_DYNAMIC = "ONNX Runtime", "ONNX Runtime int8", "ONNX Runtime int8 dynamic"
OPENVINO, OPENVINO_INT8 = "OpenVINO", "OpenVINO int8"
INT8_PEAK = "int8 peak"
BATCHES = (1, 32, 256)
CALIBRATION_ROWS = 512


def _side(name: str, predict: Callable[[Array], Array], x: Array) -> Side:
    return Side(name, lambda: predict(x), lambda: predict(x))


def _check(sides: list[Side], expected: Array, tolerance: float) -> None:
    same_values({side.name: side.result() for side in sides if side.result}, expected, tolerance)


def float32(network: Network, batch: int, context: Context) -> Measured:
    """The frozen session beside ONNX Runtime and OpenVINO."""
    x, _ = network.data(batch)
    model = network.model()
    sides = [_side(OURS, hl.freeze(model).run, x)]
    weights = network.weights()
    context.add(sides, "onnxruntime", lambda peer: _side(ORT, peer.float32(weights, context.threads), x))
    context.add(sides, "openvino", lambda peer: _side(OPENVINO, peer.float32(weights, context.threads), x))
    _check(sides, probabilities(network, x), tolerance=1e-4)
    return Measured("us", 1, context.time(sides))


def int8(network: Network, batch: int, context: Context) -> Measured:
    """The frozen int8 session beside both of ONNX Runtime's int8 forms, and OpenVINO's."""
    x, _ = network.data(batch)
    calibration, _ = network.data(CALIBRATION_ROWS)
    small = hl.quantize_model(network.model(), precision="int8", calibration_data=calibration)
    sides = [_side(OURS, hl.freeze(small).run, x)]
    weights, threads = network.weights(), context.threads
    context.add(
        sides,
        "onnxruntime",
        lambda peer: [
            _side(ORT_STATIC, peer.static_int8(weights, calibration, threads), x),
            _side(ORT_DYNAMIC, peer.dynamic_int8(weights, threads), x),
        ],
    )
    context.add(
        sides, "openvino", lambda peer: _side(OPENVINO_INT8, peer.int8(weights, calibration, threads), x)
    )
    # How near int8 comes to float32 is each library's own matter; that it computes this network is not.
    _check(sides, probabilities(network, x), tolerance=0.2)
    work = 2.0 * batch * sum(kernel.size for kernel in weights[::2])
    kind = "int8_tiles" if _native.has_peak("int8_tiles") else "int8"
    sides.append(context.arithmetic(INT8_PEAK, kind, work))
    return Measured("us", 1, context.time(sides), limits=[INT8_PEAK])


def probabilities(network: Network, x: Array) -> Array:
    """What the network predicts, in double precision."""
    values = x.astype(np.float64)
    *hidden, (kernel, bias) = zip(network.weights()[::2], network.weights()[1::2], strict=True)
    for inner, offset in hidden:
        values = np.maximum(values @ inner + offset, 0)
    logits = values @ kernel + bias
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Array = shares / shares.sum(axis=1, keepdims=True)
    return result


def one_row(network: Network, context: Context) -> Measured:
    """One sample through `predict_on_batch`, all of Python's share included."""
    x, _ = network.data(1)
    model = network.model()
    sides = [_side(OURS, model.predict_on_batch, x)]
    _check(sides, probabilities(network, x), tolerance=1e-4)
    times = context.time(sides)
    return Measured("us", 1, times, figures={"microseconds": 1e6 * times[OURS].median})


def rows() -> Iterator[Row]:
    """All of them."""
    over_ort = {1: 1.5, 32: 1.2, 256: 1.2}
    for name in ("mlp64", "mlp512", "mlp2048"):
        for batch in BATCHES:
            goals = (faster((ORT_STATIC, ORT_DYNAMIC), over_ort[batch], (INT8_PEAK,), enough=0.88),)
            short = name == "mlp64"
            case = f"{name}, batch {batch}"
            yield Row("inference-int8", case, partial(int8, NETWORKS[name], batch), goals, short=short)
    for name in ("mlp64", "mlp512", "mlp2048"):
        for batch in BATCHES:
            goals = (faster((ORT, OPENVINO), 1.2),)
            short = name == "mlp64"
            case = f"{name}, batch {batch}"
            yield Row("inference", case, partial(float32, NETWORKS[name], batch), goals, short=short)
    goals = (at_most("microseconds", 3.0),)
    yield Row("one-row", "mlp64, predict_on_batch", partial(one_row, NETWORKS["mlp64"]), goals, short=True)
