"""Every kernel once on small shapes, for compute-sanitizer: what it looks at, not what comes out.

Sizes are a few elements off the kernels' tiles, so that the ends of rows and of grids are taken.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from gpu import arrays
from hotloop.ir.activation import KINDS, ROWWISE
from hotloop.ir.elementwise import Builder, encode

M, N, K = 67, 45, 83
# Of rows: one number, some that a half warp takes, and some that are staged, by single floats and by fours.
WIDTHS = (1, N, 301, 516)
# The binding's kinds with what each option adds: slots, and the options.
OPTIMIZERS: list[tuple[str, int, dict[str, Any]]] = [
    ("sgd", 0, {}),
    ("sgd", 1, {"momentum": 0.9, "nesterov": True}),
    ("rmsprop", 1, {}),
    ("rmsprop", 3, {"momentum": 0.9, "centered": True}),
    ("adam", 2, {}),
    ("adam", 3, {"amsgrad": True, "weight_decay": 0.01, "clip_value": 1.0}),
]
Case = tuple[str, Callable[[], Any]]


class Small:
    """Small arrays and the kernels over them."""

    def __init__(self) -> None:
        self.cuda, self.cupy = arrays.load()
        self._seed = 0

    def normal(self, *shape: int) -> Any:
        """Other numbers each time."""
        self._seed += 1
        return arrays.normal(self.cupy, shape, self._seed)

    def empty(self, *shape: int, dtype: Any = np.float32) -> Any:
        """An array that nobody wrote: reading it before it is written is what initcheck looks for."""
        return self.cupy.empty(shape, dtype)

    def integers(self, low: int, high: int, *shape: int, dtype: Any) -> Any:
        """Uniform integers."""
        self._seed += 1
        return self.cupy.asarray(np.random.default_rng(self._seed).integers(low, high, shape).astype(dtype))

    def cases(self) -> Iterator[Case]:
        """All of them, by name."""
        yield from self._products()
        yield from self._rows()
        yield from self._elements()
        yield from self._models()

    def _products(self) -> Iterator[Case]:
        cuda, out, bias = self.cuda, self.empty(M, N), self.normal(N)
        a, b = self.normal(M, K), self.normal(K, N)
        yield "gemm", lambda: cuda.gemm(a, b, out, bias, "gelu")
        yield "gemm, transposed", lambda: cuda.gemm(self.normal(K, M).T, self.normal(N, K).T, out)
        # Rows of whole 16 bytes, which the copy engine wants, and others.
        for k, n in ((96, 72), (K, N)):
            wide_a, wide_b = self.normal(M, k), self.normal(k, n)
            half_a, half_b = (arrays.bfloat16(cuda, self.cupy, x) for x in (wide_a, wide_b))
            for engine in self._engines():
                for kind, x, y in (("tf32", wide_a, wide_b), ("bf16", half_a, half_b)):
                    yield f"gemm_tensor {kind}, {engine}, {M}x{n}x{k}", partial(self._by, engine, x, y)
        units = 2 * N
        activations = self.integers(0, 256, M, K, dtype=np.uint8)
        depth = -(-K // 16) * 16
        weights = np.zeros((units, depth), np.int8)
        weights[:, :K] = np.random.default_rng(0).integers(-127, 128, (units, K))
        placed, sums = self.cupy.asarray(weights), self.integers(-9, 9, units, dtype=np.int32)
        scale = self.normal(units)
        for dtype in (np.uint8, np.int32, np.float32):
            yield (
                f"gemm_int8 to {np.dtype(dtype).name}",
                lambda dtype=dtype: cuda.gemm_int8(
                    activations, placed, units, self.empty(M, units, dtype=dtype), sums, scale
                ),
            )

    def _engines(self) -> tuple[str, ...]:
        """Those that this GPU has."""
        hopper = tuple(self.cuda.device_info()["capability"]) == (9, 0)
        return ("ampere", "hopper") if hopper else ("ampere",)

    def _by(self, engine: str, a: Any, b: Any) -> None:
        """A product by one engine, bias and activation with it."""
        os.environ["HOTLOOP_CUDA_ENGINE"] = engine
        try:
            columns = b.shape[1]
            self.cuda.gemm_tensor(a, b, self.empty(len(a), columns), self.normal(columns), "relu")
        finally:
            del os.environ["HOTLOOP_CUDA_ENGINE"]

    def _along_rows(self, columns: int) -> Iterator[Case]:
        cuda, shape = self.cuda, (7, columns)
        for kind in sorted(ROWWISE):
            x = self.normal(7, columns + columns % 2 if kind == "glu" else columns)
            y = self.empty(7, columns // 2 + columns % 2 if kind == "glu" else columns)
            yield (
                f"{kind} forward of {columns} columns",
                lambda kind=kind, x=x, y=y: cuda.row_activation_forward(kind, x, y),
            )
            yield (
                f"{kind} backward of {columns} columns",
                lambda kind=kind, x=x, y=y: cuda.row_activation_backward(kind, x, y, y, self.empty(*x.shape)),
            )
        labels, halves, quarters = (
            self.integers(0, columns, 7, dtype=np.int32),
            self.cupy.asarray(np.full(shape, 0.5, np.float32)),
            self.cupy.asarray(np.full(shape, 0.25, np.float32)),
        )
        for kind in cuda.losses():
            for logits in (False, True) if "crossentropy" in kind else (False,):
                target = labels if kind.startswith("sparse") else halves
                yield (
                    f"loss {kind} of {columns} columns" + (", logits" if logits else ""),
                    lambda kind=kind, target=target, logits=logits: cuda.loss(
                        kind, quarters, target, None, self.empty(7), self.empty(*shape), from_logits=logits
                    ),
                )

    def _rows(self) -> Iterator[Case]:
        cuda, x = self.cuda, self.normal(M, N)
        for columns in WIDTHS:
            yield from self._along_rows(columns)
        moving = [self.cupy.zeros((N,), np.float32) for _ in range(2)]
        mean, inverse, gamma = self.empty(N), self.empty(N), self.normal(N)
        yield "batch_norm", lambda: cuda.batch_norm(x, self.empty(M, N), *moving, gamma, gamma, mean, inverse)
        yield (
            "batch_norm_backward",
            lambda: cuda.batch_norm_backward(
                x, x, mean, inverse, True, gamma, self.empty(M, N), self.empty(N), self.empty(N)
            ),
        )
        yield "column_sum", lambda: cuda.column_sum(x, self.empty(N))
        yield from self._reductions()
        index = self.integers(0, M, 31, dtype=np.int32)
        yield "gather_rows", lambda: cuda.gather_rows(x, self.empty(31, N), index)
        bytes_of = self.integers(0, 256, M, N, dtype=np.uint8)
        yield "gather_rows of uint8", lambda: cuda.gather_rows(bytes_of, self.empty(31, N), index)
        yield (
            "quantize_rows",
            lambda: cuda.quantize_rows(
                x, self.empty(M, N, dtype=np.uint8), self.empty(M), self.empty(M, dtype=np.int32)
            ),
        )

    def _reductions(self) -> Iterator[Case]:
        cuda = self.cuda
        for inner in (1, N):
            x, y = self.normal(3, K, inner), self.empty(3, inner)
            for kind in ("sum", "mean", "max", "min"):
                yield f"reduce {kind}, {inner} columns", partial(cuda.reduce_forward, kind, x, y)
                yield (
                    f"reduce {kind} backward, {inner} columns",
                    partial(cuda.reduce_backward, kind, x, self.normal(3, inner), self.empty(*x.shape)),
                )
            yield f"argmax, {inner} columns", partial(cuda.argmax, x, self.empty(3, inner, dtype=np.int32))
        yield "matmul", lambda: cuda.matmul(self.normal(3, M, K), self.normal(3, K, N), self.empty(3, M, N))
        yield "strided_copy", lambda: cuda.strided_copy(self.normal(3, M, N).T, self.empty(N, M, 3))
        yield "clear", lambda: cuda.clear(self.empty(M))
        yield "cast", lambda: cuda.cast_to_int(self.normal(M), self.empty(M, dtype=np.int32))

    def _elements(self) -> Iterator[Case]:
        cuda, x, n = self.cuda, self.normal(M * N), M * N
        for kind in sorted(KINDS.keys() - ROWWISE):
            y = self.empty(n)
            yield f"{kind} forward", lambda kind=kind, y=y: cuda.activation_forward(kind, None, 0.0, x, y)
            yield (
                f"{kind} backward",
                lambda kind=kind, y=y: cuda.activation_backward(kind, None, 0.0, x, y, x, self.empty(n)),
            )
        for kind, count, options in OPTIMIZERS:
            slots = [self.cupy.zeros((n,), np.float32) for _ in range(count)]
            step = partial(self.cuda.optimizer_step, kind, self.normal(n), x, slots, **options)
            yield " ".join(["optimizer", kind, *options]), step
        yield "dropout", lambda: cuda.dropout(x, self.empty(n), 0.5)
        yield "add", lambda: cuda.add_forward([x, x, x], self.empty(n))
        yield "multiply", lambda: cuda.multiply_forward([x, x], self.empty(n))
        yield "multiply backward", lambda: cuda.multiply_backward([x, x], 0, x, self.empty(n))
        yield "copy", lambda: cuda.copy_or_add(x, self.empty(n), 2.0, 1.0)
        build = Builder(2)
        code = encode(build.code([build("sin", build("multiply", build("exp", 0), 1))]))
        yield "small program", lambda: cuda.run_small_program(*code, [x, x[:1]], [self.empty(n)])
        yield "quantize", lambda: cuda.quantize(x, 0.1, 128, self.empty(n, dtype=np.uint8))
        yield "all_finite", lambda: cuda.all_finite(x)
        yield "sums", lambda: (cuda.sum_squares_blocks(x), cuda.sum_absolute_blocks(x))
        yield "min_max", lambda: cuda.min_max(x)

    def _models(self) -> Iterator[Case]:
        for precision in ("float32", "mixed_bfloat16"):
            yield f"training, {precision}", lambda precision=precision: self._train(precision)

    def _train(self, precision: str) -> None:
        """Captured steps, a last batch that is smaller, prediction and evaluation."""
        import hotloop as hl

        layers = hl.layers
        model = hl.Sequential(
            [
                layers.Dense(70, activation="relu", input_shape=(K,)),
                layers.BatchNormalization(),
                layers.Dropout(0.3),
                layers.Dense(66, activation="tanh"),
                layers.Dense(7, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", precision=precision, device="cuda")
        x = np.random.default_rng(1).standard_normal((150, K)).astype(np.float32)
        y = np.random.default_rng(2).integers(0, 7, 150)
        model.fit(x, y, epochs=2, batch_size=40, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x)


def main() -> int:
    """Run all cases, one after the other; the next has its turn whatever happened."""
    small = Small()
    failed = ran = 0
    for name, case in small.cases():
        try:
            case()
            small.cuda.synchronize()
            ran += 1
        except Exception:
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
    print(f"{ran} kernels ran, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
