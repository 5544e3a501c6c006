"""ONNX Runtime: float32, and int8 quantised by its own tools, statically and dynamically."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnxruntime import quantization

from . import onnx_file

Array = npt.NDArray[Any]
Predict = Callable[[Array], Array]


def float32(weights: list[Array], threads: int) -> Predict:
    """The model as it is, with all graph optimisations."""
    return _session(onnx_file.model(weights).SerializeToString(), threads)


def static_int8(weights: list[Array], calibration: Array, threads: int) -> Predict:
    """Quantize-dequantize form, uint8 activations by min and max, int8 weights per channel."""
    return _session(static_model(weights, calibration), threads)


def dynamic_int8(weights: list[Array], threads: int) -> Predict:
    """Activations quantised to uint8 while predicting, int8 weights per channel."""
    with _files(onnx_file.model(weights)) as (source, target):
        quantization.quantize_dynamic(
            source, target, per_channel=True, weight_type=quantization.QuantType.QInt8
        )
        with open(target, "rb") as file:
            return _session(file.read(), threads)


def static_model(weights: list[Array], calibration: Array) -> bytes:
    """The statically quantised model as a file's contents; OpenVINO reads it too."""
    with _files(onnx_file.model(weights)) as (source, target):
        quantization.quantize_static(
            source,
            target,
            _Rows(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
        )
        with open(target, "rb") as file:
            return file.read()


class _Rows(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Hands the calibration rows out in batches."""

    def __init__(self, rows: Array) -> None:
        self._batches = iter(np.array_split(rows, max(1, len(rows) // 128)))

    def get_next(self) -> dict[str, Array] | None:
        """Return the next batch, or None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"x": batch}


def _session(contents: bytes, threads: int) -> Predict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(contents, options, providers=["CPUExecutionProvider"])
    run, outputs = session.run, ["y"]

    def predict(x: Array) -> Array:
        result: Array = run(outputs, {"x": x})[0]
        return result

    return predict


@contextlib.contextmanager
def _files(model: onnx.ModelProto) -> Any:
    """The model in a file, and a path for what is made of it; the tools' advice to preprocess is muted."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "model.onnx")
            onnx.save(model, source)
            yield source, os.path.join(folder, "int8.onnx")
    finally:
        logging.root.setLevel(before)
