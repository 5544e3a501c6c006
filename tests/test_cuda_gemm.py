"""Float32 products on a GPU: every tile, edge and layout gives the CPU's bits."""

import numpy as np
import pytest

import cuda_half
import tolerance
from hotloop import _native, activations
from hotloop.ir.activation import ROWWISE

cuda = cuda_half.load()

TILES = {
    "128x256": (128, 256, 16),
    "128x128": (128, 128, 16),
    "64x64": (64, 64, 16),
    "32x32": (32, 32, 16),
    "16x16": (16, 16, 16),
    "64x16": (64, 16, 32),
    "8x32": (8, 32, 32),
}
LAYOUTS = ["plain", "transposed", "reversed", "sliced", "shifted"]
ACTIVATIONS = [kind for kind in activations.NAMES if kind not in ROWWISE]


@pytest.fixture(params=TILES)
def tile(request, monkeypatch):
    monkeypatch.setenv("HOTLOOP_CUDA_GEMM_TILE", request.param)
    return request.param


def laid_out(x, layout):
    """The same numbers on the device in another layout."""
    place = cuda_half.on_gpu
    if layout == "transposed":
        return place(np.ascontiguousarray(x.T)).T
    if layout == "reversed":
        return place(np.ascontiguousarray(x[::-1, ::-1]))[::-1, ::-1]
    if layout == "sliced":
        wide = np.full((2 * x.shape[0], 3 * x.shape[1] + 1), np.nan, np.float32)
        wide[::2, 1::3] = x
        return place(wide)[::2, 1::3]
    if layout == "shifted":  # rows that begin between vectors
        wide = np.full((x.shape[0], x.shape[1] + 3), np.nan, np.float32)
        wide[:, 1:-2] = x
        return place(wide)[:, 1:-2]
    return place(x)


def numbers(rng, *shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def on_cpu(a, b, start, bias=None, **options):
    out = start.copy()
    _native.gemm(a, b, out, bias, **options)
    return out


def on_gpu(a, b, start, bias=None, layouts=("plain", "plain"), **options):
    """The product inside a larger array, whose other numbers must stay."""
    wide = np.full((start.shape[0] + 2, start.shape[1] + 8), 7.5, np.float32)
    inside = (slice(1, -1), slice(4, -4))
    wide[inside] = start
    there = cuda_half.on_gpu(wide)
    cuda.gemm(
        laid_out(a, layouts[0]), laid_out(b, layouts[1]), there[inside], cuda_half.on_gpu(bias), **options
    )
    result = there.get()
    out = result[inside].copy()
    result[inside] = 7.5
    assert (result == 7.5).all()
    return out


def bits(x):
    """The array's bytes; which NaN a NaN is, nobody promises."""
    return np.where(np.isnan(x), np.float32(np.nan), x).tobytes()


def check_same(a, b, start, bias=None, layouts=("plain", "plain"), **options):
    expected = on_cpu(a, b, start, bias, **options)
    assert bits(on_gpu(a, b, start, bias, layouts, **options)) == bits(expected)


def test_edges_of_every_tile(tile, rng):
    rows, cols, depth = TILES[tile]
    for m, n, k in [
        (rows, cols, depth),
        (rows - 1, cols + 1, depth - 1),
        (rows + 1, cols - 1, depth + 1),
        (1, 2 * cols + 3, 7 * depth + 5),
        (2 * rows + 3, 1, 2 * depth),
        (1, 1, 1),
        (5, 4, 3),
    ]:
        a, b, bias = numbers(rng, m, k), numbers(rng, k, n), numbers(rng, n)
        start = numbers(rng, m, n)
        check_same(a, b, start, bias, activation="relu")
        check_same(a, b, start, accumulate=True)
        check_same(a, b, start)


def test_the_order_of_tiles_covers_all_of_c(tile, rng):
    rows, cols, _ = TILES[tile]
    a, b = numbers(rng, 17 * rows + 1, 2), numbers(rng, 2, cols + 1)
    check_same(a, b, np.zeros((a.shape[0], b.shape[1]), np.float32))


@pytest.mark.parametrize("b_layout", LAYOUTS)
@pytest.mark.parametrize("a_layout", LAYOUTS)
def test_layouts_do_not_change_a_bit(tile, a_layout, b_layout, rng):
    for m, n, k in [(19, 37, 35), (8, 36, 20)]:
        a, b, bias = numbers(rng, m, k), numbers(rng, k, n), numbers(rng, n)
        check_same(a, b, numbers(rng, m, n), bias, (a_layout, b_layout))


@pytest.mark.parametrize(("m", "n", "k"), [(0, 5, 3), (5, 0, 3), (0, 0, 0), (3, 5, 0), (40, 33, 0)])
def test_empty_products(tile, m, n, k, rng):
    a, b, bias, start = numbers(rng, m, k), numbers(rng, k, n), numbers(rng, n), numbers(rng, m, n)
    check_same(a, b, start, bias, activation="tanh")
    check_same(a, b, start, bias)
    check_same(a, b, start, accumulate=True)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, rng):
    a, b, bias = numbers(rng, 21, 40), numbers(rng, 40, 35), numbers(rng, 35)
    bias[::5] = [-200, 200, np.inf, -np.inf, np.nan, 0, -0.0]
    options = {"alpha": 0.3, "beta": 0.25} if activation in {"threshold", "leaky_relu", "elu", "celu"} else {}
    start = numbers(rng, 21, 35)
    check_same(a, b, start, bias, activation=activation, **options)
    check_same(a, b, start, accumulate=True, activation=activation, **options)


def test_special_numbers(tile, rng):
    a, b = numbers(rng, 18, 33), numbers(rng, 33, 34)
    a[3, 5], a[7, 2], b[4, 6], b[2, 30] = np.inf, np.nan, -np.inf, 0
    a[9], b[:, 11] = -0.0, 0.0
    check_same(a, b, np.zeros((18, 34), np.float32), np.full(34, -0.0, np.float32), activation="relu")
    # Sums of -0 stay -0, though tiles are filled up behind the last step of k.
    minus, plus = np.full((3, 5), -0.0, np.float32), np.ones((5, 9), np.float32)
    check_same(minus, plus, np.full((3, 9), -0.0, np.float32), accumulate=True)


def test_packed_operands(tile, rng):
    a, b, bias = numbers(rng, 20, 37), numbers(rng, 37, 41), numbers(rng, 41)
    expected = on_cpu(a, b, numbers(rng, 20, 41), bias)
    for layout in LAYOUTS:
        there = laid_out(b, layout)
        packed, out = cuda.gemm_pack_b(there), cuda_half.on_gpu(np.zeros((20, 41), np.float32))
        assert packed.get().tobytes() == b.tobytes()
        cuda.gemm(cuda_half.on_gpu(a), there, out, cuda_half.on_gpu(bias), packed=packed)
        assert out.get().tobytes() == expected.tobytes()


@pytest.mark.parametrize("count", [1, 3])
def test_batches_run_through_their_list(count, rng):
    m, n, k = 9, 21, 30
    a, b, bias = numbers(rng, count, m, k), numbers(rng, count, k, n), numbers(rng, n)
    for options in [{"relu": True}, {"accumulate": True}]:
        start, own = numbers(rng, m, n), None if "accumulate" in options else bias
        here, there = start.copy(), cuda_half.on_gpu(start)
        packed = np.stack([_native.gemm_pack_b(each) for each in b])
        _native.gemm_batch(a, packed, here, own, **options)
        packed = cuda_half.on_gpu(b.reshape(count, k * n))
        cuda.gemm_batch(cuda_half.on_gpu(a), packed, there, cuda_half.on_gpu(own), **options)
        assert there.get().tobytes() == here.tobytes()


def test_sums_are_right(tile, rng):
    a, b, bias = numbers(rng, 33, 50), numbers(rng, 50, 34), numbers(rng, 34)
    exact = a.astype(np.float64) @ b + bias
    found = on_gpu(a, b, np.zeros((33, 34), np.float32), bias)
    tolerance.assert_close(found, exact, ulps=1, floor=tolerance.of_sum(1.0, 51))


def path_of(m, n, k=8):
    arrays = [cuda_half.on_gpu(np.zeros(shape, np.float32)) for shape in [(m, k), (k, n), (m, n)]]
    return cuda.gemm_path(*arrays)


def test_small_products_are_cut_small_and_large_ones_large():
    assert path_of(1, 4000) == "8x32"
    assert path_of(4000, 5) == "64x16"
    assert path_of(2048, 2048) in {"128x128", "128x256"}
    assert path_of(16, 16) == "16x16"


def test_an_unknown_tile_is_refused(monkeypatch):
    monkeypatch.setenv("HOTLOOP_CUDA_GEMM_TILE", "3x3")
    with pytest.raises(ValueError, match=r"expected one of 128x256, .*got '3x3'"):
        path_of(4, 4)


@pytest.mark.parametrize("rows", [0, 1, 33])
def test_operands_are_refused_by_name(rows):
    a, b, out = (cuda_half.on_gpu(np.zeros(shape, np.float32)) for shape in [(rows, 3), (4, 5), (rows, 5)])
    with pytest.raises(ValueError, match="as many rows in b as columns in a"):
        cuda.gemm(a, b, out)
    with pytest.raises(TypeError, match="array on the GPU"):
        cuda.gemm(np.zeros((rows, 3), np.float32), b, out)
