"""Matrix products: every tile edge and layout, with guards, and the same bits however the work is split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tolerance
from everywhere import same_everywhere
from hotloop import _native
from hotloop.kernels.gemm import as_float32, gemm

# Around one vector, both widths of panel, every height of tile, a block's depth and its width.
SHAPES = [
    (1, 1, 1),
    (1, 10, 17),
    (1, 65, 64),
    (3, 64, 5),
    (6, 129, 33),
    (7, 15, 20),
    (14, 16, 31),
    (15, 17, 32),
    (29, 33, 2),
    (33, 1, 300),
    (70, 1, 3),
    (47, 48, 257),
    (48, 31, 513),
    (49, 40, 16),
    (390, 33, 19),
    (40, 530, 30),
    (385, 600, 9),
]


def operands(rng: np.random.Generator, m: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shapes = (m, k), (k, n), (n,)
    a, b, bias = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes)
    return a, b, bias


def strided(x: np.ndarray, layout: str) -> np.ndarray:
    """The same numbers in another layout."""
    if layout == "transposed":
        return np.ascontiguousarray(x.T).T
    if layout == "reversed":
        return np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
    if layout == "sliced":
        wide = np.full((2 * x.shape[0], 3 * x.shape[1] + 1), np.nan, np.float32)
        wide[::2, 1::3] = x
        return wide[::2, 1::3]
    if layout == "read-only":
        x = x.copy()
        x.flags.writeable = False
    return x


def check(a, b, bias, result, limit_of=1.0):
    exact = a.astype(np.float64) @ b + (0 if bias is None else bias)
    floor = tolerance.of_sum(limit_of, a.shape[1] + 1)
    tolerance.assert_close(result, exact, ulps=1, floor=floor)


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_every_edge_against_double_with_guards(m, n, k, isa, rng):
    a, b, bias = operands(rng, m, n, k)
    out, whole = tolerance.guarded((m, n))
    assert gemm(a, b, bias, out=out) is out
    check(a, b, bias, out)
    assert tolerance.guards_intact(whole)
    reference = np.empty_like(out)
    _native.gemm_ref(a, b, reference, bias)
    tolerance.assert_close(out, reference, ulps=1, floor=tolerance.of_sum(1.0, k + 1))


@pytest.mark.parametrize("b_layout", ["plain", "transposed", "reversed", "sliced"])
@pytest.mark.parametrize("a_layout", ["plain", "transposed", "reversed", "sliced", "read-only"])
def test_layouts_do_not_change_a_bit(a_layout, b_layout, isa, rng):
    for m, n, k in [(5, 70, 20), (50, 35, 270), (60, 1, 40), (400, 20, 18)]:
        a, b, bias = operands(rng, m, n, k)
        expected = gemm(a, b, bias)
        check(a, b, bias, expected)
        got = gemm(strided(a, a_layout), strided(b, b_layout), bias)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu"])
def test_same_bits_on_every_level_and_team(activation, rng):
    for m, n, k in [(33, 70, 40), (128, 200, 60), (1, 600, 900), (700, 1, 800), (430, 90, 20)]:
        a, b, bias = operands(rng, m, n, k)
        (result,) = same_everywhere(lambda a=a, b=b, bias=bias: [gemm(a, b, bias, activation)])
        (transposed,) = same_everywhere(
            lambda a=a, b=b, bias=bias: [gemm(strided(a, "transposed"), b, bias, activation)]
        )
        np.testing.assert_array_equal(result, transposed)


def test_a_row_does_not_depend_on_the_others(isa, rng):
    a, b, bias = operands(rng, 130, 45, 300)
    whole = gemm(a, b, bias, "relu")
    for rows in (slice(0, 1), slice(3, 8), slice(20, 60), slice(1, 130)):
        np.testing.assert_array_equal(gemm(a[rows], b, bias, "relu"), whole[rows])
    np.testing.assert_array_equal(gemm(a, b[:, 7:8], bias[7:8], "relu"), whole[:, 7:8])


@given(
    m=st.integers(0, 40),
    n=st.integers(0, 70),
    k=st.integers(0, 40),
    layouts=st.tuples(*[st.sampled_from(["plain", "transposed", "reversed", "sliced"])] * 2),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_shape(m, n, k, layouts, bias, seed):
    a, b, addend = operands(np.random.default_rng(seed), m, n, k)
    result = gemm(strided(a, layouts[0]), strided(b, layouts[1]), addend if bias else None)
    assert result.shape == (m, n)
    assert result.dtype == np.float32
    check(a, b, addend if bias else None, result)


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu"])
def test_activation_is_that_of_the_finished_sum(activation, isa, rng):
    a, b, bias = operands(rng, 33, 40, 600)
    reference = np.empty((33, 40), np.float32)
    plain = gemm(a, b, bias)
    _native.gemm_ref(np.eye(33, dtype=np.float32), plain, reference, None, activation or "linear")
    tolerance.assert_close(gemm(a, b, bias, activation), reference, ulps=8, floor=8 * tolerance.EPS32)


def test_accumulating_goes_on_where_out_stands(isa, rng):
    a, b, _ = operands(rng, 61, 37, 500)
    whole, parts = gemm(a, b), np.empty((61, 37), np.float32)
    _native.gemm(a[:, :123], b[:123], parts)
    _native.gemm(a[:, 123:], b[123:], parts, accumulate=True)
    np.testing.assert_array_equal(parts, whole)


def test_nan_and_infinity_pass_through_relu_as_they_should(isa):
    a = np.array([[np.nan], [np.inf], [-np.inf], [-0.0]], np.float32)
    got = gemm(a, np.ones((1, 3), np.float32), activation="relu")
    np.testing.assert_array_equal(got[:, 0], [np.nan, np.inf, 0, 0])


def test_an_empty_sum_is_the_bias(isa):
    np.testing.assert_array_equal(
        gemm(np.empty((2, 0)), np.empty((0, 3)), [1, -2, 3], "relu"), [[1, 0, 3]] * 2
    )
    np.testing.assert_array_equal(gemm(np.empty((20, 0)), np.empty((0, 1))), np.zeros((20, 1)))
    assert gemm(np.empty((0, 4)), np.ones((4, 3))).shape == (0, 3)


def test_contiguous_float32_is_not_copied(rng):
    a = rng.normal(size=(4, 5)).astype(np.float32)
    for view in (a, a.T, a[::-1], a[:, ::2], np.broadcast_to(a[0], (9, 5))):
        assert as_float32("a", view) is view


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint8, np.bool_, ">f4"])
def test_other_real_numbers_are_rounded_first(dtype, rng):
    a = (rng.normal(size=(6, 7)) * 3).astype(dtype)
    b = rng.normal(size=(7, 5))
    np.testing.assert_array_equal(gemm(a, b), gemm(a.astype(np.float32), b.astype(np.float32)))


def test_misaligned_memory_is_read_right(rng):
    a, b, _ = operands(rng, 9, 11, 10)
    raw = np.zeros(a.nbytes + 1, np.uint8)
    raw[1:] = a.view(np.uint8).ravel()
    shifted = raw[1:].view(np.float32).reshape(a.shape)
    np.testing.assert_array_equal(gemm(shifted, b), gemm(a, b))


def test_one_dimension_is_meant_as_in_matmul(rng):
    a, b, _ = operands(rng, 9, 8, 7)
    assert gemm(a[0], b).shape == (8,)
    assert gemm(a, b[:, 0]).shape == (9,)
    assert gemm(a[0], b[:, 0]).shape == ()
    np.testing.assert_array_equal(gemm(a[0], b), gemm(a, b)[0])
    np.testing.assert_array_equal(gemm(a, b[:, 3]), gemm(a, b)[:, 3])
    row = np.zeros((2, 16), np.float32)
    gemm(a[0], b, out=row[1, ::2])
    np.testing.assert_array_equal(row[1, ::2], gemm(a, b)[0])
    assert not row[0].any()
    assert not row[1, 1::2].any()


def test_out_of_any_layout(isa, rng):
    a, b, bias = operands(rng, 21, 19, 30)
    expected = gemm(a, b, bias)
    for make in (
        lambda: np.full((21, 40), 7, np.float32)[:, 3:22],
        lambda: np.full((42, 19), 7, np.float32)[::-2],
        lambda: np.full((19, 21), 7, np.float32).T,
        lambda: np.full((21, 38), 7, np.float32)[:, ::2],
    ):
        out = make()
        before = out.base.copy()
        assert gemm(a, b, bias, out=out) is out
        np.testing.assert_array_equal(out, expected)
        out[...] = 7
        np.testing.assert_array_equal(out.base, before)


def test_out_may_overlap_the_operands(isa, rng):
    a, b, _ = operands(rng, 12, 12, 12)
    expected = gemm(a, b)
    for operand in (0, 1):
        mine = [a.copy(), b.copy()]
        gemm(*mine, out=mine[operand])
        np.testing.assert_array_equal(mine[operand], expected)
    memory = np.concatenate([a.ravel(), np.zeros(5, np.float32)])
    gemm(memory[:144].reshape(12, 12), b, out=memory[5:].reshape(12, 12))
    np.testing.assert_array_equal(memory[5:].reshape(12, 12), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"b": np.ones((4, 2))},
            ValueError,
            "a @ b: expected as many columns in a as rows in b, got 3 columns and 4",
        ),
        (
            {"a": np.ones((1, 2, 3))},
            ValueError,
            r"a: expected 1 or 2 dimensions, got an array of shape \(1, 2, 3\)",
        ),
        (
            {"a": np.ones((2, 3), complex)},
            TypeError,
            "a: expected real numbers, got an array of dtype complex128",
        ),
        ({"a": [["x", "y", "z"]]}, TypeError, "a: expected real numbers"),
        ({"bias": np.ones(3)}, ValueError, r"bias: expected shape \(2,\), got an array of shape \(3,\)"),
        ({"activation": "rellu"}, ValueError, "did you mean 'relu'"),
        ({"activation": "softmax"}, ValueError, "activation: expected an elementwise one, got 'softmax'"),
        ({"out": np.ones((2, 2))}, TypeError, "out: expected a float32 NumPy array, got a float64 array"),
        ({"out": [[0.0] * 2] * 2}, TypeError, "out: expected a float32 NumPy array, got list"),
        ({"out": np.ones((2, 3), np.float32)}, ValueError, r"out: expected shape \(2, 2\)"),
        ({"out": np.broadcast_to(np.float32(1), (2, 2))}, ValueError, "out: expected a writable array"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, error, words):
    with pytest.raises(error, match=words):
        gemm(**{"a": np.ones((2, 3)), "b": np.ones((3, 2)), **arguments})


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(("rows", "cols"), [(0, 3), (1, 1), (7, 16), (33, 65), (300, 200), (5, 127)])
def test_column_sums(rows, cols, accumulate, rng):
    x = rng.uniform(-1, 1, (rows, cols)).astype(np.float32)
    start = rng.uniform(-1, 1, cols).astype(np.float32)

    def compute():
        sums, whole = tolerance.guarded((cols,))
        sums[:] = start
        _native.column_sum(x, sums, accumulate)
        assert tolerance.guards_intact(whole)
        return [sums]

    (sums,) = same_everywhere(compute)
    reference = start.copy()
    _native.column_sum_ref(x, reference, accumulate)
    tolerance.assert_close(sums, reference, ulps=1, floor=tolerance.of_sum(1.0, rows + 1))
