"""Functions of hl.ops written once, for hl.ops itself, for NumPy in double and for PyTorch in double."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class NumPy:
    """NumPy in float64 under hl.ops' names."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    erf = staticmethod(np.vectorize(math.erf, otypes=[np.float64]))

    def rsqrt(self, x):
        return 1 / np.sqrt(x)

    def sigmoid(self, x):
        return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), 1 - 1 / (1 + np.exp(-np.abs(x))))

    def softplus(self, x):
        return np.logaddexp(x, 0)

    def log_sigmoid(self, x):
        return -np.logaddexp(-x, 0)

    def relu(self, x):
        return np.maximum(x, 0)

    def relu6(self, x):
        return np.clip(x, 0, 6)

    def leaky_relu(self, x, negative_slope=0.2):
        return np.where(x > 0, x, negative_slope * x)

    def elu(self, x, alpha=1.0):
        return np.where(x > 0, x, alpha * np.expm1(x))

    def selu(self, x):
        return 1.0507009873554805 * self.elu(x, 1.6732632423543772)

    def hard_sigmoid(self, x):
        return np.clip(x / 6 + 0.5, 0, 1)

    def softsign(self, x):
        return x / (1 + np.abs(x))

    def silu(self, x):
        return x * self.sigmoid(x)

    swish = silu

    def mish(self, x):
        return x * np.tanh(self.softplus(x))

    def gelu(self, x, approximate=True):
        if approximate:
            return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1 + self.erf(x / math.sqrt(2)))

    def logsumexp(self, x, axis=None, keepdims=False):
        most = np.max(x, axis=axis, keepdims=True)
        total = np.log(np.sum(np.exp(x - most), axis=axis, keepdims=keepdims))
        return total + (most if keepdims else np.sum(most, axis=axis))

    def log_softmax(self, x, axis=-1):
        return x - self.logsumexp(x, axis=axis, keepdims=True)

    def softmax(self, x, axis=-1):
        return np.exp(self.log_softmax(x, axis))

    def stop_gradient(self, x):
        return x

    def cast(self, x, dtype):
        return np.asarray(x, {"int32": np.int32, "bool": bool}.get(dtype, np.float64))

    def one_hot(self, x, classes):
        return np.eye(classes)[x]

    def slice(self, x, starts, sizes):
        return x[tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))]

    def concatenate(self, xs, axis=0):
        return np.concatenate(xs, axis)


class Torch:
    """PyTorch under hl.ops' names."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.functional = torch.nn.functional

    def __getattr__(self, name: str) -> Any:
        torch, other = self.torch, _TORCH_NAMES.get(name, name)
        found = getattr(torch, other, None)
        return found if found is not None else getattr(torch.nn.functional, other)

    def _tensor(self, x):
        return x if self.torch.is_tensor(x) else self.torch.as_tensor(np.asarray(x, np.float64))

    def maximum(self, x, y):
        return self.torch.maximum(self._tensor(x), self._tensor(y))

    def minimum(self, x, y):
        return self.torch.minimum(self._tensor(x), self._tensor(y))

    def where(self, c, x, y):
        return self.torch.where(c, self._tensor(x), self._tensor(y))

    def clip(self, x, low, high):
        return self.torch.clip(x, low, high)

    def leaky_relu(self, x, negative_slope=0.2):
        return self.functional.leaky_relu(x, negative_slope)

    def gelu(self, x, approximate=True):
        return self.functional.gelu(x, approximate="tanh" if approximate else "none")

    def softmax(self, x, axis=-1):
        return self.functional.softmax(x, axis)

    def log_softmax(self, x, axis=-1):
        return self.functional.log_softmax(x, axis)

    def _over(self, name, x, axis, keepdims):
        axes = tuple(range(x.ndim)) if axis is None else axis
        return getattr(self.torch, name)(x, dim=axes, keepdim=keepdims)

    def sum(self, x, axis=None, keepdims=False):
        return self._over("sum", x, axis, keepdims)

    def mean(self, x, axis=None, keepdims=False):
        return self._over("mean", x, axis, keepdims)

    def max(self, x, axis=None, keepdims=False):
        return self._over("amax", x, axis, keepdims)

    def min(self, x, axis=None, keepdims=False):
        return self._over("amin", x, axis, keepdims)

    amax, amin = max, min

    def logsumexp(self, x, axis=None, keepdims=False):
        return self._over("logsumexp", x, axis, keepdims)

    def var(self, x, axis=None, keepdims=False):
        axes = tuple(range(x.ndim)) if axis is None else axis
        return self.torch.var(x, dim=axes, correction=0, keepdim=keepdims)

    def std(self, x, axis=None, keepdims=False):
        axes = tuple(range(x.ndim)) if axis is None else axis
        return self.torch.std(x, dim=axes, correction=0, keepdim=keepdims)

    def stop_gradient(self, x):
        return x.detach()

    def cast(self, x, dtype):
        return x.to({"int32": self.torch.int32, "bool": self.torch.bool}.get(dtype, self.torch.float64))

    def transpose(self, x, axes=None):
        return self.torch.permute(x, tuple(reversed(range(x.ndim))) if axes is None else axes)

    def expand_dims(self, x, axis):
        return self.torch.unsqueeze(x, axis)

    def reshape(self, x, shape):
        return self.torch.reshape(x, shape)

    def split(self, x, parts, axis=0):
        return self.torch.tensor_split(x, parts, dim=axis)

    def slice(self, x, starts, sizes):
        return x[tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))]

    def concatenate(self, xs, axis=0):
        return self.torch.cat(xs, dim=axis)

    def stack(self, xs, axis=0):
        return self.torch.stack(xs, dim=axis)

    def argmax(self, x, axis=None):
        return self.torch.argmax(x, dim=axis)

    def one_hot(self, x, classes):
        return self.functional.one_hot(x.long(), classes).double()


_TORCH_NAMES = {
    "concatenate": "cat",
    "divide": "true_divide",
    "mod": "remainder",
    "absolute": "abs",
    "power": "pow",
    "log_sigmoid": "logsigmoid",
    "hard_sigmoid": "hardsigmoid",
    "swish": "silu",
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}


@dataclass
class Case:
    """A function of a few arrays, and where they lie."""

    function: Callable[..., Any]
    shapes: list[Shape]
    low: float = -2.0
    high: float = 2.0
    apart: float = 0.0  # how far numbers stay from whole numbers, where the function jumps or bends

    def draw(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Float32 arrays, all numbers of which are different."""
        return [self._numbers(rng, shape) for shape in self.shapes]

    def _numbers(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        size = math.prod(shape)
        numbers = np.linspace(self.low, self.high, size + 2)[1:-1] if size > 1 else np.array([0.7])
        numbers = rng.permutation(numbers) + rng.uniform(-0.01, 0.01, size)
        if self.apart:
            whole = np.floor(numbers)
            numbers = whole + np.clip(numbers - whole, self.apart, 1 - self.apart)
        return numbers.reshape(shape).astype(np.float32)


def unary(name: str, low: float = -2.0, high: float = 2.0, apart: float = 0.0, **options: Any) -> Case:
    return Case(lambda o, x: getattr(o, name)(x, **options), [(4, 3)], low, high, apart)


def reduction(name: str, **options: Any) -> Case:
    return Case(lambda o, x: getattr(o, name)(x, **options), [(4, 3, 5)])


PAIR: list[Shape] = [(4, 3), (4, 3)]
CASES: dict[str, Case] = {
    "add": Case(lambda o, x, y: o.add(x, y), [(4, 3), (3,)]),
    "subtract": Case(lambda o, x, y: o.subtract(x, y), [(4, 1), (4, 3)]),
    "multiply": Case(lambda o, x, y: o.multiply(x, y), [(4, 3), (1, 3)]),
    "divide": Case(lambda o, x, y: o.divide(x, y + 3.0), [(4, 3), (3,)]),
    "floor_divide": Case(lambda o, x, y: o.floor_divide(x, o.floor(y) + 3.0), PAIR, apart=0.2),
    "mod of two": Case(lambda o, x, y: o.mod(x, o.abs(y) + 3.0), PAIR, apart=0.2),
    "mod": Case(lambda o, x: o.mod(x, 3.0), [(4, 3)], apart=0.2),
    "power": Case(lambda o, x, y: o.power(x, y), [(4, 3), (3,)], 0.2, 2.0),
    "power of a number": Case(lambda o, x: x**3, [(4, 3)]),
    "square by power": Case(lambda o, x: x**2, [(4, 3)]),
    "number to a power": Case(lambda o, x: 2.0**x, [(4, 3)]),
    "negative": unary("negative"),
    "absolute": unary("absolute", apart=0.1),
    "abs": unary("abs", apart=0.1),
    "sign": unary("sign", apart=0.1),
    "square": unary("square"),
    "sqrt": unary("sqrt", 0.2),
    "rsqrt": unary("rsqrt", 0.2),
    "reciprocal": unary("reciprocal", 0.2),
    "minimum": Case(lambda o, x, y: o.minimum(x, y), PAIR),
    "maximum": Case(lambda o, x: o.maximum(x, 0.05), [(4, 3)]),
    "clip": Case(lambda o, x: o.clip(x, -0.5, 1.0), [(4, 3)], apart=0.1),
    "floor": unary("floor", apart=0.1),
    "ceil": unary("ceil", apart=0.1),
    "trunc": unary("trunc", apart=0.1),
    "round": unary("round", apart=0.1, low=-3, high=3),
    "exp": unary("exp"),
    "expm1": unary("expm1"),
    "log": unary("log", 0.2),
    "log1p": unary("log1p", -0.8),
    "erf": unary("erf"),
    "sin": unary("sin"),
    "cos": unary("cos"),
    "where": Case(lambda o, x, y: o.where(x > 0.05, x * y, y), PAIR),
    "comparison as a number": Case(lambda o, x, y: o.cast(o.less(x, y), "float32") * x, PAIR),
    "logical": Case(lambda o, x, y: o.where((x > 0) & ~(y > 0), x, y * 2.0), PAIR),
    "relu": unary("relu", apart=0.1),
    "relu6": unary("relu6", -3.0, 9.0, apart=0.1),
    "leaky_relu": unary("leaky_relu", apart=0.1, negative_slope=0.3),
    "elu": unary("elu", apart=0.1),
    "selu": unary("selu", apart=0.1),
    "sigmoid": unary("sigmoid"),
    "log_sigmoid": unary("log_sigmoid"),
    "hard_sigmoid": unary("hard_sigmoid", -4.0, 4.0, apart=0.1),
    "tanh": unary("tanh"),
    "softplus": unary("softplus"),
    "softsign": unary("softsign", apart=0.1),
    "silu": unary("silu"),
    "swish": unary("swish"),
    "mish": unary("mish"),
    "gelu": unary("gelu"),
    "gelu by erf": unary("gelu", approximate=False),
    "softmax": reduction("softmax"),
    "softmax in the middle": reduction("softmax", axis=1),
    "log_softmax": reduction("log_softmax"),
    "log_softmax in front": reduction("log_softmax", axis=0),
    "sum": reduction("sum"),
    "sum over one axis": reduction("sum", axis=1),
    "sum over two axes": reduction("sum", axis=(0, -1), keepdims=True),
    "mean": reduction("mean", axis=-1),
    "mean in front": reduction("mean", axis=0, keepdims=True),
    "max": reduction("max", axis=1),
    "max of all": reduction("max"),
    "min": reduction("min", axis=(1, 2)),
    "amax": reduction("amax", axis=0),
    "amin": reduction("amin", axis=-1, keepdims=True),
    "var": reduction("var", axis=-1),
    "std": reduction("std", axis=(0, 2)),
    "logsumexp": reduction("logsumexp", axis=1),
    "logsumexp of all": reduction("logsumexp", keepdims=True),
    "reshape": Case(lambda o, x: o.reshape(x, (2, 6)) * 2.0, [(4, 3)]),
    "transpose": Case(lambda o, x: o.transpose(x, (2, 0, 1)), [(4, 3, 5)]),
    "swapaxes": Case(lambda o, x: o.swapaxes(x, 0, 1) * 2.0, [(4, 3, 5)]),
    "moveaxis": Case(lambda o, x: o.moveaxis(x, 0, -1) * 2.0, [(4, 3, 5)]),
    "expand_dims": Case(lambda o, x: o.expand_dims(x, 1) * x, [(4, 3)]),
    "squeeze": Case(lambda o, x: o.squeeze(x, 1) * 2.0, [(4, 1, 3)]),
    "concatenate": Case(lambda o, x, y: o.concatenate([x, y * 2.0], axis=1), [(4, 3), (4, 2)]),
    "stack": Case(lambda o, x, y: o.stack([x, y * 2.0], axis=1), PAIR),
    "split": Case(lambda o, x: o.split(x, 2, axis=0)[1] * 3.0, [(4, 3)]),
    "slice": Case(lambda o, x: o.slice(x, (1, 0), (2, 2)) * 3.0, [(4, 3)]),
    "index": Case(lambda o, x: x[1:, 0] * x[:-1, 2], [(4, 3)]),
    "index with steps": Case(lambda o, x: x[::2] * 2.0, [(5, 3)]),
    "broadcast_to": Case(lambda o, x: o.broadcast_to(x, (4, 3)), [(3,)]),
    "matmul": Case(lambda o, x, y: o.matmul(x, y), [(4, 3), (3, 5)]),
    "matmul of stacks": Case(lambda o, x, y: o.matmul(x, y), [(2, 4, 3), (2, 3, 5)]),
    "matmul of a stack with one": Case(lambda o, x, y: o.matmul(x, y), [(2, 4, 3), (3, 5)]),
    "matmul with a vector": Case(lambda o, x, y: o.matmul(x, y), [(4, 3), (3,)]),
    "stop_gradient": Case(lambda o, x: o.stop_gradient(x) * x, [(4, 3)]),
    "one_hot": Case(lambda o, x: o.one_hot(o.argmax(x, axis=1), 3) * x, [(4, 3)]),
    "a value used twice": Case(lambda o, x: o.exp(x) + o.sin(x) * o.exp(x), [(4, 3)]),
}
WITHOUT_FINITE_DIFFERENCES = {"stop_gradient"}  # whose gradient is not that of its numbers
WITHOUT_TORCH = {"floor_divide"}  # which refuses its gradient
