"""hl.ops before there are numbers: shapes as NumPy has them, types as Keras does, rows, and errors."""

import math

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

BATCH = 5  # what None is in the witness


def symbolic(shape: tuple[int | None, ...]) -> hl.graph.symbolic.SymbolicTensor:
    """A tensor of this shape: an input, or for a shape without a batch a sum over one."""
    if shape[:1] == (None,):
        return hl.Input(shape[1:])
    return ops.sum(hl.Input(shape), axis=0)


def numeric(shape: tuple[int | None, ...]) -> np.ndarray:
    return np.ones([BATCH if size is None else size for size in shape], np.float32)


SHAPES = {
    "add with a bias": (lambda o, x, y: o.add(x, y), [(None, 4, 3), (3,)]),
    "add with a column": (lambda o, x, y: o.add(x, y), [(None, 4, 3), (None, 4, 1)]),
    "add with one array for all rows": (lambda o, x, y: o.add(x, y), [(None, 4, 3), (1, 4, 3)]),
    "add without a batch": (lambda o, x, y: o.add(x, y), [(4, 1), (1, 3)]),
    "add with a number for all": (lambda o, x, y: o.add(x, y), [(None,), ()]),
    "where": (lambda o, x, y: o.where(x > 0, y, 1.0), [(None, 1, 3), (None, 4, 1)]),
    "mean": (lambda o, x: o.mean(x), [(None, 4, 3)]),
    "mean over the batch": (lambda o, x: o.mean(x, axis=0), [(None, 4, 3)]),
    "mean over rows": (lambda o, x: o.mean(x, axis=(-1, 1)), [(None, 4, 3)]),
    "sum, axes kept": (lambda o, x: o.sum(x, axis=(0, 2), keepdims=True), [(None, 4, 3)]),
    "max of a weight": (lambda o, x: o.max(x, axis=0), [(4, 3)]),
    "var": (lambda o, x: o.var(x, axis=-1), [(None, 4, 3)]),
    "reshape": (lambda o, x: o.reshape(x, (-1, 2, 6)), [(None, 4, 3)]),
    "transpose": (lambda o, x: o.transpose(x, (0, 2, 1)), [(None, 4, 3)]),
    "transpose of a weight": (lambda o, x: o.transpose(x), [(4, 3)]),
    "swapaxes": (lambda o, x: o.swapaxes(x, -1, 1), [(None, 4, 3, 2)]),
    "moveaxis": (lambda o, x: o.moveaxis(x, (1, 2), (-1, 1)), [(None, 4, 3, 2)]),
    "expand_dims": (lambda o, x: o.expand_dims(x, (1, -1)), [(None, 4)]),
    "squeeze": (lambda o, x: o.squeeze(x), [(None, 1, 4, 1)]),
    "squeeze one axis": (lambda o, x: o.squeeze(x, -1), [(None, 1, 4, 1)]),
    "concatenate": (lambda o, x, y: o.concatenate([x, y], axis=1), [(None, 4, 3), (None, 2, 3)]),
    "stack": (lambda o, x, y: o.stack([x, y], axis=-1), [(None, 4), (None, 4)]),
    "split": (lambda o, x: o.split(x, [1, 3], axis=1)[1], [(None, 4, 3)]),
    "index": (lambda o, x: x[:, 1:, ::2], [(None, 4, 3)]),
    "index with integers": (lambda o, x: x[:, -1], [(None, 4, 3)]),
    "index from the back": (lambda o, x: x[..., 0], [(None, 4, 3)]),
    "index with new axes": (lambda o, x: x[:, None, ..., None], [(None, 4, 3)]),
    "index in reverse": (lambda o, x: x[:, ::-1], [(None, 4, 3)]),
    "index of a weight": (lambda o, x: x[1], [(4, 3)]),
    "matmul": (lambda o, x, y: o.matmul(x, y), [(None, 3), (3, 2)]),
    "matmul of rows": (lambda o, x, y: o.matmul(x, y), [(None, 4, 3), (3, 2)]),
    "matmul of each row's own": (lambda o, x, y: o.matmul(x, y), [(None, 4, 3), (None, 3, 2)]),
    "matmul with a matrix on the left": (lambda o, x, y: o.matmul(x, y), [(2, 4), (None, 4, 3)]),
    "matmul with a vector": (lambda o, x, y: o.matmul(x, y), [(None, 4, 3), (3,)]),
    "matmul of vectors": (lambda o, x, y: o.matmul(x, y), [(3,), (3,)]),
}


class NumPy:
    """NumPy under hl.ops' names where they differ."""

    def __getattr__(self, name: str):
        return getattr(np, name)

    def mean(self, x, axis=None):
        return np.mean(x, axis=axis)


@pytest.mark.parametrize(("function", "shapes"), SHAPES.values(), ids=SHAPES)
def test_shapes_are_those_of_numpy(function, shapes):
    found = function(ops, *map(symbolic, shapes)).shape
    expected = np.shape(function(NumPy(), *map(numeric, shapes)))
    assert tuple(BATCH if size is None else size for size in found) == expected


# What keras.ops gives with the NumPy backend (Keras 3.15): the result's type for these operands.
DTYPES = {
    "add": {"ff": "float32", "fi": "float32", "ii": "int32", "bi": "int32", "bb": "bool", "i1": "int32"}
    | {"i.": "float32", "b1": "int32", "f1": "float32"},
    "divide": {"ff": "float32", "ii": "float32", "i1": "float32"},
    "floor_divide": {"ff": "float32", "ii": "int32", "i.": "float32"},
    "mod": {"ff": "float32", "ii": "int32"},
    "power": {"ff": "float32", "ii": "int32", "i.": "float32", "f1": "float32"},
    "maximum": {"fi": "float32", "ii": "int32"},
    "less": {"ff": "bool", "fi": "bool", "ii": "bool"},
    "logical_and": {"bb": "bool", "fi": "bool"},
    "exp": {"f": "float32", "i": "float32", "b": "float32"},
    "negative": {"f": "float32", "i": "int32"},
    "absolute": {"f": "float32", "i": "int32"},
    "sign": {"f": "float32", "i": "int32"},
    "square": {"f": "float32", "i": "int32"},
    "floor": {"f": "float32", "i": "float32"},
    "round": {"f": "float32", "i": "int32"},
    "sum": {"f": "float32", "i": "int32", "b": "int32"},
    "mean": {"f": "float32", "i": "float32", "b": "float32"},
    "max": {"f": "float32", "i": "int32", "b": "bool"},
    "var": {"f": "float32", "i": "float32"},
    "argmax": {"f": "int32", "i": "int32"},
    "any": {"f": "bool", "b": "bool"},
    "relu": {"f": "float32"},
    "sigmoid": {"f": "float32"},
    "isnan": {"f": "bool"},
    "logsumexp": {"f": "float32"},
    "zeros_like": {"f": "float32", "i": "int32", "b": "bool"},
}


def operand_of(letter: str, one_axis: bool = False):
    x = hl.Input((3,))
    made = {
        "f": lambda: x,
        "i": lambda: ops.cast(x, "int32"),
        "b": lambda: x > 0,
        "1": lambda: 2,
        ".": lambda: 0.5,
    }
    return made[letter]()


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    [(name, letters, dtype) for name, cases in DTYPES.items() for letters, dtype in cases.items()],
)
def test_types_are_those_of_keras(name, letters, expected):
    options = {"axis": -1} if name == "argmax" else {}
    assert getattr(ops, name)(*map(operand_of, letters), **options).dtype == expected


def test_the_table_of_types_is_what_keras_says():
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "numpy":
        pytest.skip("needs KERAS_BACKEND=numpy")
    arrays = {"f": np.float32([1, 2]), "i": np.int32([1, 2]), "b": np.array([True, False]), "1": 2, ".": 0.5}
    for name, cases in DTYPES.items():
        for letters, expected in cases.items():
            made = getattr(keras.ops, name)(*(arrays[letter] for letter in letters))
            assert keras.backend.standardize_dtype(made.dtype) == expected, (name, letters)


def test_rows_that_depend_on_others_are_marked():
    x = hl.Input((4, 3))
    assert not any(made.mixes_rows for made in (x, x + 1, ops.mean(x, axis=1), ops.softmax(x), x[:, 0]))
    mean = ops.mean(x, axis=0)
    assert mean.mixes_rows
    assert (x - mean).mixes_rows
    assert ops.softmax(x, axis=0).mixes_rows
    assert hl.layers.Dense(2)(x - mean).mixes_rows


def test_tensors_are_looked_up_by_what_they_are_and_compared_where_a_function_is_traced():
    x, y = hl.Input((3,)), hl.Input((2,))
    assert [x, y].index(y) == 1
    assert y not in [x]
    layer = hl.layers.Lambda(lambda a: ops.cast(a == ops.sign(a), "float32"))
    model = hl.Model(x, layer(x))
    np.testing.assert_array_equal(model.predict(np.array([[1, 2, -1]], "f4"), verbose=0), [[1, 0, 1]])


def test_operators_of_python_make_ops():
    x, y = hl.Input((3,), name="x"), hl.Input((3,))
    array = np.ones(3, np.float32)
    names = {
        "add": [x + y, 1 + x, array + x, x + array],
        "subtract": [x - y, 1 - x, array - x],
        "multiply": [x * y, 2 * x, np.float64(2) * x, np.float32(2) * x],
        "divide": [x / y, 1 / x, array / x],
        "power": [x**3, 2**x],
        "negative": [-x],
        "abs": [abs(x)],
        "round": [round(x)],
        "less": [x < y, array < x, x < 1],
        "greater_equal": [x >= y, array >= x],
        "equal": [x == 1, array == x],
        "not_equal": [x != 1],
        "logical_and": [(x > 0) & (y > 0), True & (x > 0)],
        "logical_or": [(x > 0) | (y > 0)],
        "logical_xor": [(x > 0) ^ (y > 0)],
        "logical_not": [~(x > 0)],
        "matmul": [x @ np.ones((3, 2)), np.ones((4, 2)) @ hl.Input((2, 3))],
        "slice": [x[:, 1:]],
        "reshape": [x[:, 1], x.reshape(-1, 3, 1)],
    }
    for name, made in names.items():
        assert [tensor.layer.automatic_prefix for tensor in made] == [name] * len(made)
    assert +x is x
    assert (x == None) is False  # noqa: E711
    assert (x != "x") is True
    assert x.ndim == 2
    assert len({x, y, x}) == 2


def refused(expression, *words: str, kind: type[Exception] | tuple[type[Exception], ...] = TypeError) -> None:
    with pytest.raises(kind) as caught:
        expression()
    for word in words:
        assert word in str(caught.value)


def test_what_looks_at_numbers_says_what_to_write_instead():
    x = hl.Input((3,))

    def assign():
        x[:, 0] = 1

    refused(lambda: 1 if x > 0 else 2, "truth value", "hotloop.ops.where")
    refused(lambda: x > 0 and x < 1, "logical_and")
    refused(lambda: max(x, 0), "maximum")
    refused(lambda: float(x), "float()", "hotloop.ops")
    refused(lambda: math.exp(x), "functions of math")
    refused(lambda: int(x), "hotloop.ops.cast")
    refused(lambda: range(x), "Python integer")
    refused(lambda: len(x), "x.shape")
    refused(lambda: list(x), "hotloop.ops.split")
    refused(lambda: 3 in x, "hotloop.ops.any")
    refused(assign, "hotloop.ops.where")
    refused(lambda: np.exp(x), "numpy.exp", "hotloop.ops.exp")
    refused(lambda: np.fmax(x, 0), "hotloop.ops.maximum")
    refused(lambda: np.mean(x), "numpy.mean", "hotloop.ops.mean")
    refused(lambda: np.add.reduce(x), "numpy.add")
    refused(lambda: np.asarray(x), "NumPy array")
    refused(lambda: x.mean(), "hotloop.ops.mean(x)", kind=AttributeError)
    refused(lambda: x.T, "hotloop.ops.transpose", kind=AttributeError)
    refused(lambda: x.numpy(), "no numbers yet", kind=AttributeError)
    refused(lambda: x + "a", "add", "got str")
    refused(lambda: ops.exp([x, x]), "hotloop.ops.stack")
    assert not hasattr(x, "to_numpy")


MISFITS = {
    "shapes": (lambda x: x + np.ones(5), "add: expected shapes that broadcast, got (None, 4, 3) and (5,)"),
    "ranks": (lambda x: x + ops.mean(x, axis=1), "got (None, 4, 3) and (None, 3), which would set every row"),
    "every row against every row": (
        lambda x: hl.Input(()) - hl.Input((1,)),
        "got (None,) and (None, 1), which would set every row",
    ),
    "rows in an array": (
        lambda x: x + np.ones((7, 4, 3)),
        "expand_dims(x, 1) of it lets each row meet all of",
    ),
    "rows in an array that fits no row": (lambda x: x + np.ones((7, 5, 3)), "may have any size, 7 is one"),
    "classes": (
        lambda x: ops.equal(ops.argmax(hl.Input((3,)), axis=-1), np.arange(3)),
        "got (None,) and (3,); the batch of (None,) may have any size, 3 is one; expand_dims(x, -1) of it",
    ),
    "the size of the batch": (lambda x: x / x.shape[0], "hotloop.ops.mean(x, axis=0) is a mean over rows"),
    "reshape": (lambda x: ops.reshape(x, (3, 4)), "(-1, 12) keeps every row in one piece"),
    "reshape across rows": (lambda x: ops.reshape(x, (-1, 3)), "the batch in front"),
    "transpose": (lambda x: ops.transpose(x), "the batch of (None, 4, 3) stays first"),
    "axis": (lambda x: ops.sum(x, axis=3), "sum: axis: expected -3 to 2 for 3 axes, got 3"),
    "axes": (lambda x: ops.sum(x, axis=(1, -2)), "every axis once"),
    "argmax": (lambda x: ops.argmax(x), "argmax: axis: expected an axis of (None, 4, 3), got None"),
    "concatenate": (lambda x: ops.concatenate([x, x]), "an axis behind the batch"),
    "concatenate misfits": (lambda x: ops.concatenate([x, x[:, :2]], axis=2), "differ along one axis only"),
    "stack": (lambda x: ops.stack([x, x]), "an axis behind the batch"),
    "split": (lambda x: ops.split(x, 5, axis=1), "divides the size 4, got 5"),
    "squeeze": (lambda x: ops.squeeze(x, 1), "axes of size 1"),
    "expand_dims": (lambda x: ops.expand_dims(x, 0), "behind the batch"),
    "matmul": (lambda x: x @ x, "as many columns of the first as rows of the second"),
    "matmul over the batch": (lambda x: ops.sum(x, axis=1) @ hl.Input((5,)), "another axis than the batch"),
    "rows": (lambda x: x[0], "all rows of the batch"),
    "mask": (lambda x: x[x > 0], "a mask is hotloop.ops.where"),
    "places": (lambda x: x[:, ops.argmax(x, axis=1)], "a mask is hotloop.ops.where"),
    "no place": (lambda x: x[:, 4:], "at least one place"),
    "place": (lambda x: x[:, 4], "-4 to 3 along axis 1"),
    "number": (lambda x: x * 1e300, "finite in float32"),
    "integer": (lambda x: x + 2**40, "-2**31"),
    "truths": (lambda x: (x > 0) - (x > 1), "cast them to int32 or float32"),
    "dtype": (lambda x: ops.cast(x, "flot32"), "did you mean 'float32'"),
    "empty": (lambda x: x + np.ones((0,)), "at least one number"),
    "where": (lambda x: ops.where(x > 0), "two values to choose from"),
}


@pytest.mark.parametrize(("expression", "words"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_refused_with_its_shapes(expression, words):
    refused(lambda: expression(hl.Input((4, 3))), words, kind=(ValueError, TypeError, IndexError))
