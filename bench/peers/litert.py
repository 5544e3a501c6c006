"""LiteRT (TensorFlow Lite with its XNNPACK kernels): dense layers in float32 and int8, one row at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from . import tflite_file

Array = npt.NDArray[Any]
Predict = Callable[[Array], Array]


def float32(layers: tflite_file.Layers, threads: int) -> Predict:
    """The model as it is."""
    return _predict(_interpreter(tflite_file.float32(layers), threads))


def int8(layers: tflite_file.Layers, calibration: Array, threads: int) -> Predict:
    """float32 in and out, quantised inside."""
    return _predict(_interpreter(tflite_file.int8(layers, calibration), threads))


def bare_int8(
    layers: tflite_file.Layers, calibration: Array, x: Array, threads: int
) -> tuple[Predict, Predict]:
    """int8 in and out: the call alone, given `x` quantised before; and its result as real numbers."""
    interpreter = _interpreter(tflite_file.int8(layers, calibration, bare=True), threads)
    (scale, zero), (out_scale, out_zero) = (
        ends[0]["quantization"]
        for ends in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    stored = np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8)
    run = _predict(interpreter)
    return lambda _: run(
        stored
    ), lambda _: (run(stored).astype(np.float32) - out_zero) * np.float32(out_scale)


def _interpreter(contents: bytes, threads: int) -> Any:
    interpreter = Interpreter(model_content=contents, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def _predict(interpreter: Any) -> Predict:
    first = interpreter.get_input_details()[0]["index"]
    last = interpreter.get_output_details()[0]["index"]
    put, invoke, get = interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor

    def predict(x: Array) -> Array:
        put(first, x)
        invoke()
        result: Array = get(last)
        return result

    return predict
