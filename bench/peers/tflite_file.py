"""Dense layers as a LiteRT model: FullyConnected with ReLU fused, in float32 or int8, for one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

Array = npt.NDArray[Any]
Layers = Sequence[tuple[Array, Array]]
TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
}


@dataclass(frozen=True)
class Scale:
    """Real value = scale * (stored - zero); one for all, or one for each of the rows of a weight."""

    scale: Array
    zero: int = 0

    @classmethod
    def of(cls, values: Array) -> Scale:
        """Of activations in int8: from the least to the most that was seen, zero included."""
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        scale = (high - low) / 255 or 1.0
        return cls(np.array([scale], np.float32), round(-128 - low / scale))

    def stored(self, values: Array) -> Array:
        """Values as int8."""
        stored: Array = np.clip(np.rint(values / self.scale) + self.zero, -128, 127).astype(np.int8)
        return stored


class _Writer:
    """Collects tensors and operators of one graph."""

    def __init__(self) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self._codes: dict[int, int] = {}

    def tensor(
        self, shape: Sequence[int], kind: str, scale: Scale | None = None, data: Array | None = None
    ) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), TYPES[kind]
        tensor.name, tensor.buffer = f"t{len(self.graph.tensors)}", 0
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scale.scale.astype(np.float32)
            tensor.quantization.zeroPoint = np.full(len(scale.scale), scale.zero, np.int64)
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(
        self, code: int, version: int, inputs: list[int], output: int, relu: bool | None = None
    ) -> int:
        if code not in self._codes:
            entry = schema.OperatorCodeT()
            entry.builtinCode = entry.deprecatedBuiltinCode = code
            entry.version = version
            self._codes[code] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self._codes[code], inputs, [output]
        if relu is not None:
            operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
            operator.builtinOptions = schema.FullyConnectedOptionsT()
            kinds = schema.ActivationFunctionType
            operator.builtinOptions.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        self.graph.operators.append(operator)
        return output

    def contents(self, first: int, last: int) -> bytes:
        self.graph.inputs, self.graph.outputs = [first], [last]
        builder = flatbuffers.Builder(0)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def float32(layers: Layers) -> bytes:
    """The layers as they are: kernels (inputs, units), biases (units,), ReLU after all but the last."""
    writer = _Writer()
    first = value = writer.tensor((1, len(layers[0][0])), "float32")
    for number, (kernel, bias) in enumerate(layers):
        inputs = [
            value,
            writer.tensor(kernel.T.shape, "float32", data=kernel.T.astype(np.float32)),
            writer.tensor(bias.shape, "float32", data=bias.astype(np.float32)),
        ]
        out = writer.tensor((1, len(bias)), "float32")
        code = schema.BuiltinOperator.FULLY_CONNECTED
        value = writer.operator(code, 1, inputs, out, relu=number < len(layers) - 1)
    return writer.contents(first, value)


def int8(layers: Layers, calibration: Array, bare: bool = False) -> bytes:
    """int8 activations by their least and most on `calibration`, int8 weights per channel, as converters do.

    Parameters
    ----------
    layers : sequence of (kernel, bias)
    calibration : array
    bare : bool
        int8 in and out; else float32, and quantised inside.
    """
    writer, scale = _Writer(), Scale.of(calibration)
    codes = schema.BuiltinOperator
    first = writer.tensor((1, calibration.shape[1]), "int8" if bare else "float32", scale if bare else None)
    value = first
    if not bare:
        value = writer.operator(
            codes.QUANTIZE, 1, [first], writer.tensor((1, calibration.shape[1]), "int8", scale)
        )
    rows = calibration.astype(np.float64)
    for number, (kernel, bias) in enumerate(layers):
        rows = rows @ kernel + bias
        if number < len(layers) - 1:
            rows = np.maximum(rows, 0)
        weight_scale = Scale(np.maximum(np.abs(kernel).max(axis=0), 1e-9) / 127)
        bias_scale = Scale(weight_scale.scale * scale.scale)
        inputs = [
            value,
            writer.tensor(kernel.T.shape, "int8", weight_scale, weight_scale.stored(kernel).T),
            writer.tensor(bias.shape, "int32", bias_scale, np.rint(bias / bias_scale.scale).astype(np.int32)),
        ]
        scale = Scale.of(rows)
        out = writer.tensor((1, len(bias)), "int8", scale)
        value = writer.operator(codes.FULLY_CONNECTED, 5, inputs, out, relu=number < len(layers) - 1)
    if not bare:
        value = writer.operator(codes.DEQUANTIZE, 2, [value], writer.tensor((1, rows.shape[1]), "float32"))
    return writer.contents(first, value)
