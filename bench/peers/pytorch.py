"""PyTorch: products by MKL and oneDNN, and eager training with fused Adam, in float32 and bf16 autocast."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hotloop.benchmark.networks import Network
from hotloop.benchmark.timing import Side

Array = npt.NDArray[Any]

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def products(a: Array, b: Array) -> list[Side]:
    """a @ b by MKL (`torch.mm`, written where it belongs) and by oneDNN (`mkldnn_linear`).

    oneDNN gets both operands in its own tensors, made row-major and with the weights as (n, k) before the
    clock starts: its best layouts, whichever ours are.
    """
    left, right = torch.from_numpy(a), torch.from_numpy(b)
    out = torch.empty(a.shape[0], b.shape[1])
    x, weights = left.contiguous().to_mkldnn(), right.t().contiguous().to_mkldnn()

    def onednn() -> Any:
        return torch.ops.aten.mkldnn_linear(x, weights)

    return [
        Side("MKL", lambda: torch.mm(left, right, out=out), lambda: out.numpy()),
        Side("oneDNN", onednn, lambda: onednn().to_dense().numpy()),
    ]


def bfloat16_product(a: Array, b: Array) -> Side:
    """a @ b in bfloat16, summed in float32, written as bfloat16: oneDNN."""
    left, right = torch.from_numpy(a).bfloat16(), torch.from_numpy(b).bfloat16()
    out = torch.empty(a.shape[0], b.shape[1], dtype=torch.bfloat16)
    return Side("oneDNN", lambda: torch.mm(left, right, out=out), lambda: out.float().numpy())


class Training:
    """Eager mode: tensors in memory, a batch picked by `index_select` (quicker than brackets), fused Adam.

    With `bfloat16`, the forward pass and the loss run under CPU autocast, as PyTorch's documentation has it.
    """

    def __init__(self, network: Network, x: Array, y: Array, bfloat16: bool = False) -> None:
        self.name = "PyTorch bf16" if bfloat16 else "PyTorch"
        self._bfloat16, self._batch = bfloat16, network.batch
        self._samples, self._labels = torch.from_numpy(x), torch.from_numpy(y)
        layers: list[torch.nn.Module] = []
        for inputs, units in itertools.pairwise(network.sizes):
            layers += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
        self._model = torch.nn.Sequential(*layers[:-1])
        self._linear = [layer for layer in self._model if isinstance(layer, torch.nn.Linear)]
        weights = network.weights()
        with torch.no_grad():
            for layer, kernel, bias in zip(self._linear, weights[::2], weights[1::2], strict=True):
                layer.weight.copy_(torch.from_numpy(kernel.T))
                layer.bias.copy_(torch.from_numpy(bias))
        self._optimizer = torch.optim.Adam(self._model.parameters(), eps=1e-7, fused=True)

    def epoch(self, order: Array | None = None) -> None:
        """Train on every row once, in random order or in that of `order`, (steps, batch)."""
        rows = torch.randperm(len(self._samples)) if order is None else torch.from_numpy(order.ravel())
        for batch in rows.split(self._batch):
            self._optimizer.zero_grad(set_to_none=True)
            with self._precision():
                outputs = self._model(self._samples.index_select(0, batch))
                loss = torch.nn.functional.cross_entropy(outputs, self._labels.index_select(0, batch))
            loss.backward()
            self._optimizer.step()

    def _precision(self) -> Any:
        if self._bfloat16:
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def weights(self) -> list[Array]:
        """Kernels and biases, first layer first."""
        made: list[Array] = []
        for layer in self._linear:
            made += [
                np.ascontiguousarray(layer.weight.detach().numpy().T),
                layer.bias.detach().numpy().copy(),
            ]
        return made
