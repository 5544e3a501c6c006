"""Functions of this room on arrays and numbers: the program that a model would have of them, run at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hotloop.core.locks import make_lock
from hotloop.core.state import Same, state_of
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.ops.integers import counting
from hotloop.ops.lower import as_float
from hotloop.ops.nothing import run_without_numbers
from hotloop.ops.of_weights import mark, path_behind
from hotloop.ops.operands import array_spec, as_array, operand
from hotloop.ops.operation import Array, Operation
from hotloop.ops.trace import arguments, between
from hotloop.ops.types import Spec

# Those used last are kept, by function, arguments, shapes and types. One that is larger than all may be is
# made anew each time, which takes less long than running it.
MOST_PROGRAMS, MOST_BYTES = 256, 32 << 20

_ARRAYS = (np.ndarray, list)

_programs: OrderedDict[Any, Compiled] = OrderedDict()
_lock = make_lock()


class Compiled:
    """What a function does with arrays of given shapes, as a program.

    The arrays are one sample of it, so that none of their axes is a batch.

    Parameters
    ----------
    body : callable
        Takes symbolic tensors, and returns one, or a list, perhaps with other things in it.
    specs : sequence of Spec

    Attributes
    ----------
    bytes : int
        What its buffers and constants take, where no two share memory.
    """

    def __init__(self, body: Callable[..., Any], specs: Sequence[Spec]) -> None:
        from hotloop.ir.build import build
        from hotloop.ir.graph import Graph
        from hotloop.ir.pipelines import Purpose, run

        inputs = arguments(specs)
        result = body(*inputs)
        self._several = isinstance(result, list | tuple)
        self._results = list(result) if self._several else [result]
        given = {tensor: i for i, tensor in enumerate(inputs)}
        tensors = dict.fromkeys(one for one in self._results if isinstance(one, SymbolicTensor))
        self._returned = {tensor: given[tensor] for tensor in tensors if tensor in given}
        self._computed = [tensor for tensor in tensors if tensor not in given]
        self._lock = make_lock()
        self.bytes = 0
        self._did = between(inputs, self._computed)
        self._counting = counting(self._did)
        self._has_numbers = all(spec.size for spec in specs)
        if self._computed and self._has_numbers:
            graph = Graph()
            values = [graph.add_input(spec.sample_shape, _in_memory(spec.dtype)) for spec in specs]
            graph.outputs = [
                value if tensor.dtype == "int32" else as_float(graph, value)
                for tensor, value in zip(self._computed, self._did.lower(graph, values), strict=True)
            ]
            graph = run(graph, Purpose.INFERENCE)[0]
            self.bytes = 4 * sum(value.features for op in graph for value in op.outputs)
            self._program = build(graph).program

    def __call__(self, arrays: Sequence[Array]) -> Any:
        """Compute; an array that comes out as it went in is copied."""
        made = {tensor: arrays[i].copy() for tensor, i in self._returned.items()}
        if self._computed and not self._has_numbers:
            outputs = run_without_numbers(self._did, arrays, _operate)
            made |= dict(zip(self._computed, outputs, strict=True))
        elif self._computed:
            self._counting.check_inputs(arrays)
            inputs = [_row(array) for array in arrays]
            outputs = [np.empty((1, t.features), _in_memory(t.dtype)) for t in self._computed]
            with self._lock:
                self._program.predict(inputs, outputs)
            for tensor, output in zip(self._computed, outputs, strict=True):
                self._counting.check_output(tensor, output)
                made[tensor] = output.astype(tensor.dtype, copy=False).reshape(tensor.sample_shape)
        found = [made[one] if isinstance(one, SymbolicTensor) else one for one in self._results]
        return found if self._several else found[0]


def _operate(operation: Operation, arrays: Sequence[Array]) -> Array:
    """Do one operation of a function that is not done as a whole."""
    result: Array = Compiled(lambda *tensors: operation(list(tensors)), [*map(array_spec, arrays)])(arrays)
    return result


def _in_memory(dtype: str) -> str:
    return "int32" if dtype == "int32" else "float32"


def _row(array: Array) -> Array:
    """An array as the one row that a program reads."""
    return np.ascontiguousarray(array, np.float32 if array.dtype.kind == "b" else None).reshape(1, -1)


def compute(
    body: Callable[..., Any], arguments: Mapping[str, Any], single: frozenset[str], lists: frozenset[str]
) -> Any:
    """Call a function on arrays and numbers.

    Parameters
    ----------
    body : callable
        The function as it is for symbolic tensors.
    arguments : mapping
        All of its arguments, by name.
    single, lists : frozenset of str
        Names of those that are tensors, and lists of tensors. Numbers beside arrays stay numbers.
    """
    what = body.__name__
    found = {
        name: [_numbers(what, one) for one in value] if name in lists else _numbers(what, value)
        for name, value in arguments.items()
        if (name in single and value is not None) or (name in lists and isinstance(value, list | tuple))
    }
    beside_arrays = any(isinstance(one, _ARRAYS) for one in found.values())
    static = {name: value for name, value in arguments.items() if name not in found}
    counts: dict[str, int] = {}
    arrays: list[Array] = []
    for name, value in found.items():
        if beside_arrays and not isinstance(value, _ARRAYS):
            static[name] = value
            continue
        parts = value if isinstance(value, list) else [value]
        arrays += [as_array(what, part, empty=True) for part in parts]
        counts[name] = len(parts) if isinstance(value, list) else -1
    specs = [array_spec(array) for array in arrays]
    key = (body, tuple(counts.items()), tuple(specs), state_of(static))

    def called(*tensors: SymbolicTensor) -> Any:
        rest = iter(tensors)
        filled = {
            name: next(rest) if count < 0 else [next(rest) for _ in range(count)]
            for name, count in counts.items()
        }
        return body(**static, **filled)

    result = _compiled(key, called, specs)(arrays)
    path = path_behind(arguments.values())
    if path:
        mark(result, path)
    return result


def at_once(function: Callable[[Any], Any], x: Any) -> Any:
    """Call a function of one tensor, written with these functions, on an array: as one program."""
    array = as_array(getattr(function, "__name__", type(function).__name__), x, empty=True)
    spec = array_spec(array)
    owner = getattr(function, "__self__", function)  # of a method there is another one each time
    return _compiled((Same(owner), state_of(function), spec), function, [spec])([array])


def _numbers(what: str, value: Any) -> Any:
    return operand(what, value.numpy() if isinstance(value, Parameter) else value, empty=True)


def _compiled(key: Any, body: Callable[..., Any], specs: Sequence[Spec]) -> Compiled:
    with _lock:
        known = _programs.get(key)
        if known is not None:
            _programs.move_to_end(key)
            return known
    made = Compiled(body, specs)
    if made.bytes > MOST_BYTES:
        return made
    with _lock:
        _programs[key] = made
        total = sum(each.bytes for each in _programs.values())
        while total > MOST_BYTES or len(_programs) > MOST_PROGRAMS:
            total -= _programs.popitem(last=False)[1].bytes
    return made
