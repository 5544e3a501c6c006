"""PyTorch's side of training: the whole step as one CUDA graph, captured by hand or by ``torch.compile``."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.benchmark.networks import Network

Array = npt.NDArray[Any]
UNMEASURED = 3  # steps before a capture: PyTorch wants its lazy set-up done


class TorchTraining:
    """Data on the GPU, fused capturable Adam, batches picked inside the step by a counter on the GPU.

    `compiled` leaves capturing to ``torch.compile(mode="reduce-overhead")``. `precision` is "float32", "tf32"
    or "mixed_bfloat16" (autocast).
    """

    def __init__(
        self, torch: Any, network: Network, x: Array, y: Array, precision: str, compiled: bool = False
    ) -> None:
        self._torch, self._precision, self._batch = torch, precision, network.batch
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        self._x, self._y = torch.as_tensor(x, device="cuda"), torch.as_tensor(y, device="cuda")
        layers: list[Any] = []
        for inputs, units in itertools.pairwise(network.sizes):
            layers += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
        self._model = torch.nn.Sequential(*layers[:-1]).cuda()
        self._linear = [layer for layer in self._model if isinstance(layer, torch.nn.Linear)]
        self._first = torch.zeros((), dtype=torch.int64, device="cuda")
        self._within = torch.arange(network.batch, device="cuda")
        self._order = torch.arange(len(x), device="cuda")
        self._optimizer = torch.optim.Adam(self._model.parameters(), eps=1e-7, fused=True, capturable=True)
        self._forward = self._loss
        if compiled:
            self._forward = torch.compile(self._loss, mode="reduce-overhead")
        self._replay = None if compiled else self._capture()
        self._set_weights(network)

    def _set_weights(self, network: Network) -> None:
        """The start: weights as every library gets them, no moments. Captured steps have used both."""
        with self._torch.no_grad():
            weights = network.weights()
            for layer, kernel, bias in zip(self._linear, weights[::2], weights[1::2], strict=True):
                layer.weight.copy_(self._torch.from_numpy(np.ascontiguousarray(kernel.T)))
                layer.bias.copy_(self._torch.from_numpy(bias))
            for state in self._optimizer.state.values():
                for value in state.values():
                    value.zero_()
            self._first.zero_()

    def _loss(self, x: Any, y: Any) -> Any:
        cross_entropy = self._torch.nn.functional.cross_entropy
        if self._precision != "mixed_bfloat16":
            return cross_entropy(self._model(x), y)
        with self._torch.autocast("cuda", dtype=self._torch.bfloat16, cache_enabled=False):
            return cross_entropy(self._model(x), y)

    def _step(self) -> None:
        rows = self._order.index_select(0, self._first + self._within)
        x, y = self._x.index_select(0, rows), self._y.index_select(0, rows)
        self._optimizer.zero_grad(set_to_none=False)
        self._forward(x, y).backward()
        self._optimizer.step()
        self._first += self._batch

    def _capture(self) -> Any:
        torch = self._torch
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(UNMEASURED):
                self._first.zero_()
                self._step()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        self._first.zero_()
        with torch.cuda.graph(graph):
            self._step()
        return graph.replay

    def epoch(self, shuffle: bool = True) -> None:
        """Train on every row once, in random order or as they come."""
        torch = self._torch
        count = len(self._x)
        new = torch.randperm(count, device="cuda") if shuffle else torch.arange(count, device="cuda")
        self._order.copy_(new)
        self._first.zero_()
        step = self._replay
        if step is None:
            mark = getattr(torch.compiler, "cudagraph_mark_step_begin", contextlib.nullcontext)
            step = lambda: (mark(), self._step())  # noqa: E731
        for _ in range(count // self._batch):
            step()

    def weights(self) -> list[Array]:
        """Kernels and biases, first layer first."""
        made: list[Array] = []
        for layer in self._linear:
            made += [layer.weight.detach().cpu().numpy().T.copy(), layer.bias.detach().cpu().numpy().copy()]
        return made
