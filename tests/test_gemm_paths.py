"""Every way through a product: turned, packed, in place, dots, in a batch; and that each is taken."""

import numpy as np
import pytest

import tolerance
from everywhere import same_everywhere
from hotloop import _native
from hotloop.kernels.gemm import gemm

# m, n, k, layout of a and b, and the way. Edges of tiles, vectors, panels, groups of tiles and blocks of
# depth and width on each.
PATHS = [
    (33, 70, 40, "NN", "in place"),
    (28, 300, 800, "NN", "in place"),
    (1, 513, 400, "NN", "in place"),
    (5, 131, 77, "NN", "in place"),
    (6, 64, 20, "NN", "in place"),
    (140, 48, 390, "NN", "in place"),
    (71, 40, 390, "NN", "b packed"),
    (43, 1024, 33, "NN", "b packed"),
    (141, 531, 400, "NN", "dots at the end"),
    (141, 536, 400, "NN", "b packed"),
    (300, 65, 21, "NN", "dots at the end"),
    (32, 18, 784, "NN", "dots at the end"),
    (9, 3, 40, "NN", "dots"),
    (300, 68, 21, "NN", "b packed"),
    (150, 50, 30, "NT", "dots at the end"),
    (150, 54, 30, "NT", "b packed"),
    (64, 200, 32, "NT", "b packed"),
    (50, 130, 20, "SN", "a packed"),
    (60, 160, 390, "TN", "a packed"),
    (115, 1030, 200, "TN", "turned at the end"),
    (115, 1040, 60, "TN", "a packed"),
    (250, 260, 30, "TT", "turned at the end"),
    (250, 264, 30, "TN", "a and b packed"),
    (65, 33, 40, "TS", "b packed"),
    (20, 129, 40, "SS", "a and b packed"),
    (1030, 40, 70, "TN", "a and b packed"),
    (700, 70, 100, "NN", "b packed"),
    (32, 64, 300, "NT", "turned, a packed"),
    (30, 90, 200, "NT", "turned, a packed"),
    (90, 200, 600, "NT", "turned, a packed"),
    (400, 900, 500, "NT", "turned, a packed"),
    (32, 17, 784, "TN", "turned"),
    (500, 10, 130, "TN", "turned"),
    (70, 1, 50, "TS", "in place"),
    (64, 170, 200, "TT", "turned, a packed"),
    (1, 100, 300, "NT", "dots"),
    (1, 7, 5, "NT", "dots"),
    (1, 33, 16, "NT", "dots"),
    (70, 1, 333, "NN", "dots"),
    (64, 1, 16, "NS", "dots"),
]


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """The same numbers, their columns contiguous (T) or nothing (S)."""
    if layout == "T":
        return np.ascontiguousarray(x.T).T
    if layout == "S":
        wide = np.full((2 * x.shape[0], 3 * x.shape[1] + 1), np.nan, np.float32)
        wide[::2, 1::3] = x
        return wide[::2, 1::3]
    return x


def operands(rng, m, n, k, layout):
    a, b = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((m, k), (k, n)))
    bias = rng.uniform(-1, 1, n).astype(np.float32)
    return laid_out(a, layout[0]), laid_out(b, layout[1]), bias


def check(a, b, start, result):
    exact = a.astype(np.float64) @ b + start
    tolerance.assert_close(result, exact, ulps=1, floor=tolerance.of_sum(1.0, a.shape[1] + 1))


def test_each_way_is_walked():
    assert {path for *_, path in PATHS} == {
        "in place",
        "b packed",
        "a packed",
        "a and b packed",
        "turned",
        "turned, a packed",
        "turned at the end",
        "dots",
        "dots at the end",
    }


@pytest.mark.parametrize(("m", "n", "k", "layout", "path"), PATHS)
def test_way_taken_and_bits_everywhere(m, n, k, layout, path, rng):
    a, b, bias = operands(rng, m, n, k, layout)
    assert _native.gemm_path(a, b, np.empty((m, n), np.float32)) == path

    def compute():
        plain, guards = tolerance.guarded((m, n))
        _native.gemm(a, b, plain)
        fused, other_guards = tolerance.guarded((m, n))
        _native.gemm(a, b, fused, bias, "relu")
        onward = np.full((m, n), 0.5, np.float32)
        _native.gemm(a, b, onward, accumulate=True)
        assert tolerance.guards_intact(guards)
        assert tolerance.guards_intact(other_guards)
        return [plain, fused, onward]

    plain, fused, onward = same_everywhere(compute)
    check(a, b, 0, plain)
    check(a, b, 0.5, onward)
    summed = np.empty((m, n), np.float32)
    _native.gemm(np.ascontiguousarray(a), np.ascontiguousarray(b), summed, bias)
    np.testing.assert_array_equal(fused, np.maximum(summed, 0))
    # The same chains, whatever the way.
    np.testing.assert_array_equal(gemm(np.ascontiguousarray(a), np.ascontiguousarray(b)), plain)


@pytest.mark.parametrize(
    ("m", "n", "k", "layout", "path", "late"),
    [
        *((20, 400, 50, "NN", "in place", late) for late in (0, 1, 4, 15)),
        # Without masked loads the first panel and the last one are both packed: the workspace has room.
        (3, 500, 33, "TN", "a packed", 4),
    ],
)
def test_matrices_that_begin_between_cache_lines(m, n, k, layout, path, late, rng):
    """In place, a short panel comes first, so that the others begin with a line."""
    a, b, bias = operands(rng, m, n, k, layout)
    expected = gemm(np.ascontiguousarray(a), b, bias)
    row = -(-n // 16) * 16

    def compute():
        memory = np.empty(k * row + 32, np.float32)
        begin = -memory.ctypes.data // 4 % 16 + late
        shifted = memory[begin : begin + k * row].reshape(k, row)[:, :n]
        shifted[...] = b
        out, guards = tolerance.guarded((m, n))
        assert _native.gemm_path(a, shifted, out) == path
        _native.gemm(a, shifted, out, bias)
        assert tolerance.guards_intact(guards)
        return [out]

    (out,) = same_everywhere(compute)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("layout", ["N", "T", "S"])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [
        (1, 1, 1),
        (1, 70, 390),
        (3, 16, 20),
        (5, 50, 33),
        (20, 64, 0),
        (6, 64, 800),
        (33, 33, 40),
        (29, 300, 385),
        (300, 700, 20),
    ],
)
def test_b_packed_before(m, n, k, layout, rng):
    a, b, bias = operands(rng, m, n, k, layout + "N")
    expected = gemm(a, b, bias, "relu")

    def compute():
        packed = _native.gemm_pack_b(b)
        transposed = _native.gemm_pack_b(laid_out(b, "T"))
        scattered = _native.gemm_pack_b(laid_out(b, "S"))
        out, guards = tolerance.guarded((m, n))
        _native.gemm(a, b, out, bias, "relu", packed=packed)
        assert tolerance.guards_intact(guards)
        return [out, packed, transposed, scattered]

    out, packed, transposed, scattered = same_everywhere(compute)
    ways = {"b packed before", "b packed before, a packed", "dots", "dots at the end", "turned at the end"}
    assert _native.gemm_path(a, b, out, packed) in ways
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(packed, transposed)
    np.testing.assert_array_equal(packed, scattered)


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize(
    ("count", "m", "n", "k"), [(1, 1, 1, 1), (3, 20, 33, 17), (9, 5, 64, 40), (4, 31, 10, 384)]
)
def test_a_batch_is_one_long_sum(count, m, n, k, accumulate, rng):
    a = rng.uniform(-1, 1, (count, m, k)).astype(np.float32)
    b = rng.uniform(-1, 1, (count, k, n)).astype(np.float32)
    bias = None if accumulate else rng.uniform(-1, 1, n).astype(np.float32)
    packed = np.stack([_native.gemm_pack_b(part) for part in b])

    def compute():
        out, guards = tolerance.guarded((m, n))
        out[...] = 0.25
        _native.gemm_batch(a, packed, out, bias, accumulate, relu=True)
        assert tolerance.guards_intact(guards)
        return [out]

    (out,) = same_everywhere(compute)
    whole = np.full((m, n), 0.25, np.float32)
    long_a, long_b = np.concatenate(list(a), axis=1), np.concatenate(list(b), axis=0)
    _native.gemm(long_a, long_b, whole, bias, "relu", accumulate=accumulate)
    np.testing.assert_array_equal(out, whole)


def test_a_batch_refuses_what_does_not_fit():
    out = np.empty((2, 3), np.float32)
    with pytest.raises(ValueError, match="expected 2 packed matrices of 64 numbers"):
        _native.gemm_batch(np.ones((2, 2, 4), np.float32), np.ones((1, 64), np.float32), out)
    with pytest.raises(ValueError, match="at most 384 columns"):
        _native.gemm_batch(np.ones((1, 2, 500), np.float32), np.ones((1, 8000), np.float32), out)


def test_the_quick_way_in_takes_plain_matrices_only(rng):
    a, b, bias = operands(rng, 9, 12, 10, "NN")
    out = np.empty((9, 12), np.float32)
    expected = np.empty_like(out)
    _native.gemm(a, b, expected, bias, "relu")
    quick = _native.gemm_quick
    assert quick(a, b, bias, "relu", out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(quick(a, b, bias, "relu", None), expected)
    read_only = out.copy()
    read_only.flags.writeable = False
    for arguments in (
        (a.tolist(), b, None, None, None),
        (a.astype(float), b, None, None, None),
        (a[0], b, None, None, None),
        (a, b[:5], None, None, None),
        (a, b, bias[:4], None, None),
        (a, b, np.repeat(bias, 2)[::2], None, None),
        (a, b, None, "tanh", None),
        (a, b, None, None, out[:, ::2]),
        (a, b, None, None, read_only),
        (a, b, None, None, np.empty((12, 9), np.float32).T),
        (out, rng.uniform(size=(12, 12)).astype(np.float32), None, None, out),
        (np.empty((0, 10), np.float32), b, None, None, None),
    ):
        assert quick(*arguments) is None
    with pytest.raises(TypeError, match="gemm_quick: expected"):
        quick(a, b)


def test_what_is_fetched_ahead_changes_nothing(rng):
    """Packed blocks fetch the next one; the last has none to fetch."""
    a, b, _ = operands(rng, 45, 1100, 800, "NN")
    np.testing.assert_array_equal(
        np.concatenate([gemm(a, b[:, :512]), gemm(a, b[:, 512:])], axis=1), _packed_product(a, b)
    )


def _packed_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.empty((a.shape[0], b.shape[1]), np.float32)
    _native.gemm(a, b, out, packed=_native.gemm_pack_b(b))
    return out
