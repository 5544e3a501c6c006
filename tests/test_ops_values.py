"""Each function of hl.ops in value and gradient: against NumPy, finite differences and PyTorch in double."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops
from ops_cases import CASES, WITHOUT_FINITE_DIFFERENCES, WITHOUT_TORCH, Case, NumPy, Torch

# Those that move or join the first axis, which a batch's then can't be.
MOVE_THE_BATCH = {"reshape", "transpose", "swapaxes", "moveaxis", "expand_dims", "split", "slice", "index"}
MOVE_THE_BATCH |= {"index with steps"}
# Those that Python's operators make ops of, on arrays NumPy's.
BY_OPERATORS = {"power of a number", "square by power", "number to a power"}


class OfWeights(hl.layers.Layer):
    """A case's function of weights, as one row beside each row of the input, which it takes nothing of."""

    def __init__(self, case: Case, arrays: list[np.ndarray]) -> None:
        super().__init__()
        self.case, self.arrays = case, arrays

    def build(self, input_shape):
        self.values = [
            self.add_weight(shape=array.shape, initializer="zeros", name=f"x{i}")
            for i, array in enumerate(self.arrays)
        ]
        for weight, array in zip(self.values, self.arrays, strict=True):
            weight.assign(array)

    def call(self, inputs):
        result = ops.cast(self.case.function(ops, *self.values), "float32")
        open_way = sum(ops.sum(value) for value in self.values)  # what has no gradient is refused without one
        return ops.reshape(result, (1, -1)) + 0.0 * (inputs + open_way)


def reference(case: Case, arrays: list[np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(case.function(NumPy(), *(a.astype(np.float64) for a in arrays)), np.float64)


def gradients_of(
    case: Case, arrays: list[np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The function's numbers, and the gradients of their sum with these weights.

    The mean square of y - (y - n w / 2) has the gradient w, and SGD with a rate of 1 subtracts it.
    """
    x = hl.Input((1,))
    model = hl.Model(x, OfWeights(case, arrays)(x))
    zeros = np.zeros((1, 1), np.float32)
    made = model.predict(zeros)[0]
    model.compile(optimizer=hl.optimizers.SGD(1.0), loss="mse")
    model.train_on_batch(zeros, made - made.size * weights.reshape(1, -1) / 2)
    return made, [a - b for a, b in zip(arrays, model.get_weights(), strict=True)]


def tolerance(expected: np.ndarray) -> float:
    """A few roundings of the largest number in float32; sums of numbers near 1 may cancel."""
    return 2e-6 * max(1.0, float(np.abs(expected).max()))


def finite_differences(case: Case, arrays: list[np.ndarray], weights: np.ndarray) -> list[np.ndarray]:
    doubles = [a.astype(np.float64) for a in arrays]
    found = []
    for which, array in enumerate(doubles):
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [a.copy() for a in doubles]
                moved[which][place] += step
                ends.append(np.sum(np.asarray(case.function(NumPy(), *moved), np.float64) * weights))
            gradient[place] = (ends[0] - ends[1]) / 2e-5
        found.append(gradient)
    return found


def drawn(name: str) -> tuple[Case, list[np.ndarray], np.ndarray]:
    case, rng = CASES[name], np.random.default_rng(sum(map(ord, name)))
    arrays = case.draw(rng)
    return case, arrays, rng.normal(size=reference(case, arrays).shape).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_against_numpy_and_finite_differences(name):
    case, arrays, weights = drawn(name)
    made, gradients = gradients_of(case, arrays, weights)
    expected = reference(case, arrays)
    np.testing.assert_allclose(made.reshape(expected.shape), expected, rtol=2e-6, atol=tolerance(expected))
    if name in WITHOUT_FINITE_DIFFERENCES:
        return
    for found, numeric in zip(gradients, finite_differences(case, arrays, weights), strict=True):
        np.testing.assert_allclose(found, numeric, rtol=2e-5, atol=2e-5 * max(1.0, np.abs(numeric).max()))


@pytest.mark.parametrize("name", sorted(CASES.keys() - WITHOUT_TORCH))
def test_values_and_gradients_against_torch(name):
    torch = pytest.importorskip("torch")
    case, arrays, weights = drawn(name)
    tensors = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    expected = case.function(Torch(torch), *tensors)
    if expected.requires_grad:
        (expected * torch.tensor(weights.astype(np.float64))).sum().backward()
    made, gradients = gradients_of(case, arrays, weights)
    expected = expected.detach().numpy()
    np.testing.assert_allclose(made.reshape(expected.shape), expected, rtol=2e-6, atol=tolerance(expected))
    for found, tensor in zip(gradients, tensors, strict=True):
        wanted = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("name", sorted(CASES.keys() - BY_OPERATORS))
def test_arrays_are_computed_at_once_with_the_bits_of_a_model(name):
    case, arrays, weights = drawn(name)
    made = case.function(ops, *arrays)
    assert isinstance(made, np.ndarray)
    in_model, _ = gradients_of(case, arrays, weights)
    np.testing.assert_array_equal(np.asarray(made, np.float32).reshape(-1), in_model.reshape(-1))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if len(case.shapes[0]) > 1])
def test_rows_of_a_batch_are_what_they_are_by_themselves(name):
    """The first axis as the batch, wherever the function lets it stay one."""
    case, arrays, _ = drawn(name)
    rows = arrays[0].shape[0]
    batched = [array.ndim > 1 and array.shape[0] == rows for array in arrays]
    inputs = [hl.Input(a.shape[1:]) if b else None for a, b in zip(arrays, batched, strict=True)]
    given = [a if i is None else i for a, i in zip(arrays, inputs, strict=True)]
    if name in MOVE_THE_BATCH:
        with pytest.raises(ValueError, match=r"batch|every row"):
            case.function(ops, *given)
        return
    made, expected = ops.cast(case.function(ops, *given), "float32"), reference(case, arrays)
    if not made.batched:  # beside each row, which it is the same for
        assert made.mixes_rows
        first = inputs[0][(slice(None), *[slice(1)] * (arrays[0].ndim - 1))]
        made = 0.0 * first.reshape(-1, 1) + ops.reshape(made, (1, -1))
        expected = np.broadcast_to(expected.reshape(1, -1), (rows, expected.size))
    model = hl.Model([i for i in inputs if i is not None], made)
    found = model.predict([a for a, b in zip(arrays, batched, strict=True) if b], verbose=0)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=tolerance(expected))


def test_of_equals_the_first_has_the_gradient():
    """PyTorch and JAX share it among them; here it is the first's, and 0 for the absolute value at 0."""
    equal = np.float32([[1.0, 3.0, 3.0, 2.0]])
    one = np.ones(1, np.float32)

    def gradients(function, *arrays, weights=one):
        case = Case(function, [a.shape for a in arrays])
        return gradients_of(case, list(arrays), weights)[1]

    np.testing.assert_array_equal(gradients(lambda o, x: o.max(x), equal)[0], [[0, 1, 0, 0]])
    np.testing.assert_array_equal(gradients(lambda o, x: o.min(-x), equal)[0], [[0, -1, 0, 0]])
    for function in (lambda o, x, y: o.maximum(x, y), lambda o, x, y: o.minimum(x, y)):
        first, second = gradients(function, one, one)
        assert (first, second) == (1, 0)
    for bound in (0.0, 2.0):
        (found,) = gradients(lambda o, x: o.clip(x, 0.0, 2.0), one * np.float32(bound))
        assert found == 1
    (found,) = gradients(lambda o, x: o.absolute(x), one * 0)
    assert found == 0
