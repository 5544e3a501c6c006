"""Quantise and dequantise against NumPy, bit for bit, and the statistics of calibration."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as hnp

from hotloop import _native, kernels
from tolerance import guarded, guards_intact

SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 1000]
AWKWARD = np.array(
    [0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -1e30, np.inf, -np.inf, np.nan], dtype=np.float32
)


def expected_bytes(x: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """The same formula in NumPy's float32."""
    inverse = np.float32(1) / np.float32(scale)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.where(np.isnan(x), np.float32(0), np.rint(x * inverse)) + np.float32(zero_point)
    return np.clip(steps, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("scale", "zero_point"), [(1.0, 0), (0.037, 131), (3e-5, 255), (7.0, 1)])
def test_quantize_equals_numpy(
    isa: str, rng: np.random.Generator, n: int, scale: float, zero_point: int
) -> None:
    x = (rng.standard_normal(n) * 100 * scale).astype(np.float32)
    x[::7] = np.resize(AWKWARD, x[::7].shape)
    out, whole = guarded((n,), np.uint8)
    assert kernels.quantize(x, scale, zero_point, out=out) is out
    np.testing.assert_array_equal(out, expected_bytes(x, scale, zero_point))
    assert guards_intact(whole)


@pytest.mark.parametrize("cols", [1, 2, 15, 16, 17, 31, 32, 33, 200])
@pytest.mark.parametrize("rows", [0, 1, 3, 50])
def test_columns_by_their_own_scale_and_offset(
    isa: str, threads: int, rng: np.random.Generator, rows: int, cols: int
) -> None:
    scale = (10.0 ** rng.uniform(-4, 4, cols)).astype(np.float32)
    offset = (rng.normal(size=cols) * 1e4 * scale).astype(np.float32)
    x = (offset + scale * rng.uniform(-60, 300, (rows, cols))).astype(np.float32)
    x.reshape(-1)[::7] = np.resize(AWKWARD, x.reshape(-1)[::7].shape)
    out, whole = guarded((rows, cols), np.uint8)
    assert kernels.quantize_columns(x, scale, offset, out=out) is out
    steps = (x - offset) * (np.float32(1) / scale)
    expected = np.clip(np.rint(np.where(np.isnan(steps), np.float32(0), steps)), 0, 255)
    np.testing.assert_array_equal(out, expected.astype(np.uint8))
    assert guards_intact(whole)


def test_columns_far_from_zero_keep_every_step() -> None:
    """One unit in the last place of a million is 1/16: each is a byte of its own."""
    x = (1e6 + np.arange(256) / 16).astype(np.float32)[:, None]
    got = kernels.quantize_columns(x, scale=[1 / 16], offset=[1e6])
    np.testing.assert_array_equal(got[:, 0], np.arange(256))


@pytest.mark.parametrize("n", SIZES)
def test_dequantize_equals_numpy(isa: str, rng: np.random.Generator, n: int) -> None:
    q = rng.integers(0, 256, n, dtype=np.uint8)
    out, whole = guarded((n,), np.float32)
    assert kernels.dequantize(q, 0.037, 131, out=out) is out
    np.testing.assert_array_equal(out, (q.astype(np.float32) - np.float32(131)) * np.float32(0.037))
    assert guards_intact(whole)


def test_rounds_half_to_even_and_saturates() -> None:
    got = kernels.quantize(AWKWARD, 1.0, 4)
    np.testing.assert_array_equal(got, [4, 4, 4, 6, 6, 4, 2, 255, 0, 255, 0, 4])


def test_threads_give_the_same_bytes(isa: str, threads: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal(200_003).astype(np.float32)
    q = kernels.quantize(x, 0.02, 100)
    np.testing.assert_array_equal(q, expected_bytes(x, 0.02, 100))
    back = kernels.dequantize(q, 0.02, 100)
    np.testing.assert_array_equal(back, (q.astype(np.float32) - 100) * np.float32(0.02))


def test_reference_in_double_is_within_one_step(rng: np.random.Generator) -> None:
    x = rng.standard_normal(5000).astype(np.float32)
    exact = np.empty(5000, np.uint8)
    _native.quantize_ref(x, 0.013, 120, exact)
    assert np.abs(kernels.quantize(x, 0.013, 120).astype(int) - exact).max() <= 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    x=hnp.arrays(np.float32, hnp.array_shapes(max_dims=3), elements=st.floats(-100, 100, width=32)),
    scale=st.floats(2.0**-10, 2.0**10),
    zero_point=st.integers(0, 255),
)
def test_round_trip_stays_within_half_a_step(x: np.ndarray, scale: float, zero_point: int) -> None:
    back = kernels.dequantize(kernels.quantize(x, scale, zero_point), scale, zero_point)
    assert back.shape == x.shape
    step = float(np.float32(scale))
    inside = (x >= -zero_point * step) & (x <= (255 - zero_point) * step)
    # The inverse and the product round once each: 255 steps times one unit in the last place.
    limit = step * (0.5 + 256 * 2 * np.finfo(np.float32).eps)
    assert (np.abs(back.astype(np.float64) - x)[inside] <= limit).all()


def test_strided_and_read_only_inputs(rng: np.random.Generator) -> None:
    base = rng.standard_normal((6, 10)).astype(np.float32)
    base.flags.writeable = False
    expected = expected_bytes(base, 0.02, 128)
    for view, wanted in (
        (base.T, expected.T),
        (base[::2, ::3], expected[::2, ::3]),
        (base[:, ::-1], expected[:, ::-1]),
    ):
        np.testing.assert_array_equal(kernels.quantize(view, 0.02, 128), wanted)
    out = np.zeros((6, 20), np.uint8)[:, ::2]
    assert kernels.quantize(base, 0.02, 128, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_rows_have_their_own_range(isa: str, threads: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal((300, 201)).astype(np.float32) * np.float32(3)
    x[0] = 0
    x[1] = np.abs(x[1]) + 1
    x[2] = -np.abs(x[2]) - 1
    x[3, 5] = np.nan
    x[4] *= np.float32(1e-35)
    q, scale, zero_point = kernels.quantize_rows(x)
    low = np.minimum(np.nanmin(x, axis=1), 0).astype(np.float32)
    high = np.maximum(np.nanmax(x, axis=1), 0).astype(np.float32)
    np.testing.assert_array_equal(
        scale, np.maximum(high / np.float32(255) - low / np.float32(255), np.float32(2.0**-100))
    )
    inverse = np.float32(1) / scale
    np.testing.assert_array_equal(zero_point, np.clip(np.rint(-low * inverse), 0, 255))
    for row in range(len(x)):
        np.testing.assert_array_equal(q[row], expected_bytes(x[row], scale[row], zero_point[row]))
    alone = kernels.quantize_rows(x[7:8])
    np.testing.assert_array_equal(alone[0][0], q[7])


def test_infinite_rows_do_not_differ_between_levels(isa: str) -> None:
    x = np.array([[np.inf, 1, -1], [-np.inf, 1, 2], [np.inf, -np.inf, 0]], dtype=np.float32)
    q, scale, _ = kernels.quantize_rows(x)
    assert np.isinf(scale).all()
    _native.set_isa_level("baseline")
    np.testing.assert_array_equal(kernels.quantize_rows(x)[0], q)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (64, 17), (7, 0), (0, 4)])
def test_weights_round_trip(rng: np.random.Generator, shape: tuple[int, int]) -> None:
    w = rng.standard_normal(shape).astype(np.float32)
    if w.size:
        w[:, 0] = 0
    q, scale = kernels.quantize_weights(w)
    assert q.dtype == np.int8
    assert q.shape == shape
    assert scale.shape == (shape[1],)
    assert (scale > 0).all()
    assert (np.abs(q.astype(int)) <= 127).all()
    assert (np.abs(q * scale.astype(np.float64) - w) <= scale * 0.5000001).all()


def test_weights_leave_room_for_the_bias() -> None:
    w = np.full((4, 2), 1e-20, np.float32)
    _, scale = kernels.quantize_weights(w, bias=[1.0, 0.0], input_scale=0.01)
    assert 1.0 / (0.01 * scale[0]) <= 2**24 * 1.000001
    assert scale[1] == np.float32(1e-20 / 127)


def test_min_max(isa: str, rng: np.random.Generator) -> None:
    for n in SIZES:
        x = rng.standard_normal(n).astype(np.float32)
        assert kernels.min_max(x) == ((x.min(), x.max()) if n else (np.inf, -np.inf))
    with_nan = np.array([np.nan, 4, np.nan, -2] + [np.nan] * 70, dtype=np.float32)
    assert kernels.min_max(with_nan) == (-2, 4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: kernels.quantize([1.0], 0.0, 0), ValueError, "scale"),
        (lambda: kernels.quantize([1.0], np.inf, 0), ValueError, "scale"),
        (lambda: kernels.quantize([1.0], 1e-45, 0), ValueError, "scale"),
        (lambda: kernels.quantize([1.0], 1.0, 256), ValueError, "zero_point: expected 0 to 255"),
        (lambda: kernels.quantize([1.0], 1.0, -1), ValueError, "zero_point: expected 0 to 255"),
        (lambda: kernels.quantize(["a"], 1.0, 0), TypeError, "x: expected float32"),
        (
            lambda: kernels.quantize([1.0], 1.0, 0, out=np.empty(1, np.int8)),
            TypeError,
            "out: expected a uint8",
        ),
        (
            lambda: kernels.quantize([1.0], 1.0, 0, out=np.empty(2, np.uint8)),
            ValueError,
            "out: expected shape",
        ),
        (lambda: kernels.quantize_columns([[1.0]], [0.0], [0.0]), ValueError, "scale: expected positive"),
        (lambda: kernels.quantize_columns([[1.0]], [np.nan], [0.0]), ValueError, "scale: expected positive"),
        (lambda: kernels.quantize_columns([[1.0]], [1e-45], [0.0]), ValueError, "scale: expected positive"),
        (lambda: kernels.quantize_columns([[1.0]], [1.0], [np.inf]), ValueError, "offset: expected finite"),
        (lambda: kernels.quantize_columns([[1.0]], [1.0, 2.0], [0.0]), ValueError, "scale: expected shape"),
        (lambda: kernels.quantize_columns([1.0], [1.0], [0.0]), ValueError, "x: expected 2 dimensions"),
        (lambda: kernels.dequantize(np.zeros(3, np.int8), 1.0, 0), TypeError, "q: expected uint8"),
        (lambda: kernels.quantize_rows(np.zeros(3, np.float32)), ValueError, "x: expected 2 dimensions"),
        (lambda: kernels.quantize_weights([[np.nan]]), ValueError, "weights: expected finite"),
        (lambda: kernels.quantize_weights([[1.0]], bias=[1.0]), ValueError, "both or neither"),
    ],
)
def test_errors_name_the_argument(call, error, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=words):
        call()
