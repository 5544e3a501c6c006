"""The networks as ONNX models: Gemm and Relu for each hidden layer, Gemm and Softmax at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
OPSET = 17


def model(weights: list[Array]) -> onnx.ModelProto:
    """The network with these kernels (inputs, units) and biases; input "x", output "y", any batch."""
    nodes, constants, value = [], [], "x"
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    for number, (kernel, bias) in enumerate(layers):
        names = [f"kernel{number}", f"bias{number}"]
        constants += [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in zip(names, (kernel, bias), strict=True)
        ]
        nodes.append(helper.make_node("Gemm", [value, *names], [f"sum{number}"]))
        last = number == len(layers) - 1
        value = "y" if last else f"hidden{number}"
        kind = "Softmax" if last else "Relu"
        nodes.append(helper.make_node(kind, [f"sum{number}"], [value]))
    shapes = {"x": ["batch", weights[0].shape[0]], "y": ["batch", weights[-1].shape[0]]}
    ends = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()
    }
    graph = helper.make_graph(nodes, "network", [ends["x"]], [ends["y"]], constants)
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    made.ir_version = min(made.ir_version, 10)  # what runtimes a few releases back still read
    return made
