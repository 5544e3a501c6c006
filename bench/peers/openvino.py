"""OpenVINO: float32, and int8 from the same quantize-dequantize model that ONNX Runtime gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
import openvino

from . import onnx_file

Array = npt.NDArray[Any]
Predict = Callable[[Array], Array]


def float32(weights: list[Array], threads: int) -> Predict:
    """The model as it is; told to stay in float32, which is not its default on CPUs with bfloat16."""
    return _compiled(onnx_file.model(weights).SerializeToString(), threads)


def int8(weights: list[Array], calibration: Array, threads: int) -> Predict:
    """Quantised by ONNX Runtime's tools: uint8 activations, int8 weights per channel."""
    from .onnxruntime import static_model

    return _compiled(static_model(weights, calibration), threads)


def _compiled(contents: bytes, threads: int) -> Predict:
    core = openvino.Core()
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(core.read_model(contents), "CPU", options)
    request = compiled.create_infer_request()

    def predict(x: Array) -> Array:
        # Nothing is copied on the way in or out: the fastest way that its Python API has.
        result: Array = request.infer(x, share_inputs=True, share_outputs=True)[0]
        return result

    return predict
