"""Python's operators on symbolic tensors and weights; what would read numbers says what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from hotloop.device import on_gpu
from hotloop.graph.tracing import is_tracing


class _Functions(dict[str, Callable[..., Any]]):
    """Functions by name, which the room of functions, higher up, puts in when one is first asked for."""

    load: Callable[[], object]

    def __missing__(self, name: str) -> Callable[..., Any]:
        self.load()
        if name not in self:
            raise KeyError(name)
        return self[name]


FUNCTIONS = _Functions()

# NumPy functions by which Python's operators with an array on their left come in.
_OPERATOR_UFUNCS = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "true_divide",
    "true_divide": "true_divide",
    "floor_divide": "floor_divide",
    "remainder": "mod",
    "power": "power",
    "matmul": "matmul",
    "equal": "equal",
    "not_equal": "not_equal",
    "less": "less",
    "less_equal": "less_equal",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor",
}
# The operations that operators, indexing and the methods below become; not powers, which take so long
# that a program pays.
OPERATOR_OPS = {
    *("add", "subtract", "multiply", "divide", "floor_divide", "mod", "square", "negative", "abs", "round"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_xor", "logical_not", "slice", "reshape", "matmul"),
}
# Names of NumPy's and of other libraries' tensors for what hotloop.ops has under another.
_OTHER_NAMES = {
    "T": "transpose",
    "astype": "cast",
    "to": "cast",
    "float": "cast",
    "int": "cast",
    "flatten": "reshape",
    "view": "reshape",
    "permute": "transpose",
    "unsqueeze": "expand_dims",
    "detach": "stop_gradient",
    "remainder": "mod",
    "fabs": "absolute",
    "fmax": "maximum",
    "fmin": "minimum",
    "nanmax": "max",
    "nanmin": "min",
    "rint": "round",
    "size": "shape",
}
_HINTS = dict.fromkeys(
    ("numpy", "item", "tolist", "value", "values"),
    "it has no numbers yet: predict, or hotloop.Session, computes them",
)


def _refuse(expression: str, instead: str) -> NoReturn:
    raise TypeError(
        f"{expression}: a symbolic tensor has no numbers yet, it stands for those of every batch; {instead}"
    )


def counterpart(name: str) -> str:
    """Return the name in hotloop.ops of what other libraries call ``name``, or ""."""
    name = _OTHER_NAMES.get(name, name)
    FUNCTIONS.load()
    return name if name in FUNCTIONS else ""


class Operand:
    """Something that Python's operators make ops of."""

    __slots__ = ()

    shape: Any

    @property
    def ndim(self) -> int:
        """How many axes it has, that of the batch included."""
        return len(self.shape)

    def __add__(self, other: Any) -> Any:
        return FUNCTIONS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return FUNCTIONS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return FUNCTIONS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return FUNCTIONS["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return FUNCTIONS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return FUNCTIONS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return FUNCTIONS["true_divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return FUNCTIONS["true_divide"](other, self)

    def __floordiv__(self, other: Any) -> Any:
        return FUNCTIONS["floor_divide"](self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return FUNCTIONS["floor_divide"](other, self)

    def __mod__(self, other: Any) -> Any:
        return FUNCTIONS["mod"](self, other)

    def __rmod__(self, other: Any) -> Any:
        return FUNCTIONS["mod"](other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        if modulus is not None:
            raise TypeError("pow: expected two arguments, got a third; write hotloop.ops.mod(a**b, c)")
        return FUNCTIONS["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return FUNCTIONS["power"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return FUNCTIONS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return FUNCTIONS["matmul"](other, self)

    def __neg__(self) -> Any:
        return FUNCTIONS["negative"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return FUNCTIONS["absolute"](self)

    def __round__(self, digits: int = 0) -> Any:
        return FUNCTIONS["round"](self, digits)

    def __lt__(self, other: Any) -> Any:
        return FUNCTIONS["less"](self, other)

    def __le__(self, other: Any) -> Any:
        return FUNCTIONS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Any:
        return FUNCTIONS["greater"](self, other)

    def __ge__(self, other: Any) -> Any:
        return FUNCTIONS["greater_equal"](self, other)

    def __and__(self, other: Any) -> Any:
        return FUNCTIONS["logical_and"](self, other)

    def __rand__(self, other: Any) -> Any:
        return FUNCTIONS["logical_and"](other, self)

    def __or__(self, other: Any) -> Any:
        return FUNCTIONS["logical_or"](self, other)

    def __ror__(self, other: Any) -> Any:
        return FUNCTIONS["logical_or"](other, self)

    def __xor__(self, other: Any) -> Any:
        return FUNCTIONS["logical_xor"](self, other)

    def __rxor__(self, other: Any) -> Any:
        return FUNCTIONS["logical_xor"](other, self)

    def __invert__(self) -> Any:
        return FUNCTIONS["logical_not"](self)

    def __getitem__(self, key: Any) -> Any:
        return FUNCTIONS["getitem"](self, key)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """An array on the left of an operator calls NumPy's function of it; others are to be hotloop's."""
        name = ufunc.__name__
        if method == "__call__" and not options and name in _OPERATOR_UFUNCS:
            return FUNCTIONS[_OPERATOR_UFUNCS[name]](*inputs)
        own = counterpart(name)
        _refuse(
            f"numpy.{name}", f"write hotloop.ops.{own}" if own else "hotloop.ops has what can be computed"
        )


class SymbolicOperand(Operand):
    """An operand without numbers: comparisons are ops too, and whatever asks for a number is refused."""

    __slots__ = ()
    __hash__ = object.__hash__
    truth: bool | None = None  # of a comparison of two tensors outside of traced functions

    def __eq__(self, other: Any) -> Any:
        """Numbers are compared. Outside of functions that are traced what comes out is also a truth value:
        whether two tensors are one, which ``model.outputs.index(tensor)`` asks."""
        return self._compared("equal", other, self is other)

    def __ne__(self, other: Any) -> Any:
        return self._compared("not_equal", other, self is not other)

    def _compared(self, name: str, other: Any, truth: bool) -> Any:
        if not is_operand(other):
            return NotImplemented
        if is_tracing() or not isinstance(other, Operand):
            return FUNCTIONS[name](self, other)
        try:
            made = FUNCTIONS[name](self, other)
        except ValueError:  # as of shapes that do not fit
            return truth
        made.truth = truth
        return made

    def reshape(self, *newshape: Any) -> Any:
        """The same as :func:`hotloop.ops.reshape`."""
        return FUNCTIONS["reshape"](self, newshape[0] if len(newshape) == 1 else newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """The same as :func:`hotloop.ops.squeeze`."""
        return FUNCTIONS["squeeze"](self, axis)

    def __bool__(self) -> bool:
        if self.truth is not None:
            return self.truth
        _refuse(
            "truth value",
            "instead of `if a > b`, `and`, `or`, `not`, max() or min() write hotloop.ops.where(a > b, x, y), "
            "logical_and, logical_or, logical_not, maximum or minimum",
        )

    def __float__(self) -> float:
        _refuse(
            "float()", "leave out float() and functions of math; hotloop.ops has exp, log, sqrt and the like"
        )

    def __int__(self) -> int:
        _refuse("int()", "write hotloop.ops.cast(x, 'int32')")

    def __index__(self) -> int:
        _refuse("use as an index", "an index has to be a Python integer")

    def __len__(self) -> int:
        _refuse("len()", "x.shape has the sizes, with None for the batch, whose mean is hotloop.ops.mean")

    def __iter__(self) -> Any:
        _refuse("iteration", "write hotloop.ops.split, x[:, i], or one op over the whole axis")

    def __contains__(self, item: object) -> bool:
        _refuse("`in`", "write hotloop.ops.any(x == item)")

    def __setitem__(self, key: Any, value: Any) -> None:
        _refuse("item assignment", "write hotloop.ops.where(mask, value, x), or concatenate the parts")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        _refuse("conversion to a NumPy array", "use functions of hotloop.ops instead of NumPy's")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        own = counterpart(function.__name__)
        _refuse(
            f"numpy.{function.__name__}",
            f"write hotloop.ops.{own}" if own else "hotloop.ops has what can be computed",
        )

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            own = counterpart(name)
            hint = f"write hotloop.ops.{own}(x)" if own else _HINTS.get(name)
            if hint:
                raise AttributeError(f"a symbolic tensor has no attribute {name!r}; {hint}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def is_operand(value: object) -> bool:
    """Whether a comparison with it is one of numbers; with anything else it is one of objects."""
    return isinstance(value, Operand | int | float | np.ndarray | np.generic) or on_gpu(value)
