"""Products on tensor cores against the same rounded operands in float64: every layout, edge and way out."""

import itertools

import numpy as np
import pytest

import cuda_half
import tolerance

cuda = cuda_half.load()
TYPES = ["bf16", "tf32"]
TURNED = list(itertools.product([False, True], repeat=2))
BLOCKS = ["large", "medium", "small"]


def rounded(x, kind):
    """What the tensor cores see of float32 numbers, as float32."""
    bits = x.astype("f4").view("u4").astype("u8")
    if kind == "bf16":
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) & ~np.uint64(0xFFFF)
    else:
        bits = (bits + 0x1000) & ~np.uint64(0x1FFF)
    return bits.astype("u4").view("f4").reshape(x.shape)


def as_bf16(x):
    return (rounded(x, "bf16").view("u4") >> 16).astype("u2")


def placed(x, turned, pad=0, skip=0):
    """Put x on the device: turned or not, its rows `pad` numbers apart, from the `skip`-th number on."""
    stored = np.ascontiguousarray(x.T if turned else x)
    lines, line = stored.shape
    room = np.full(lines * (line + pad) + skip + 1, 77, dtype=x.dtype)
    body = room[skip : skip + lines * (line + pad)].reshape(lines, line + pad)
    body[:, :line] = stored
    there = cuda_half.on_gpu(room)[skip : skip + lines * (line + pad)].reshape(lines, line + pad)[:, :line]
    return there.T if turned else there


class Case:
    def __init__(self, rng, kind, m, n, k):
        self.kind = kind
        self.a = rng.standard_normal((m, k)).astype("f4")
        self.b = rng.standard_normal((k, n)).astype("f4")
        left, right = (rounded(x, kind).astype("f8") for x in (self.a, self.b))
        self.expected = left @ right
        most = np.abs(left).max(initial=0) * np.abs(right).max(initial=0)
        self.limit = tolerance.of_sum(most, k)

    def operands(self, turned=(False, False), pad=(0, 0), skip=(0, 0)):
        stored = [as_bf16(x) if self.kind == "bf16" else x for x in (self.a, self.b)]
        return [placed(x, *how) for x, how in zip(stored, zip(turned, pad, skip, strict=True), strict=True)]

    def check(self, out, expected=None):
        tolerance.assert_close(out, self.expected if expected is None else expected, 0, self.limit)


def product(a, b, kind="f4", **options):
    """The product, which must not write beside out."""
    m, n = a.shape[0], b.shape[1]
    whole = cuda_half.on_gpu(np.full(m * n + 64, 77, dtype=kind))
    cuda.gemm_tensor(a, b, whole[32 : 32 + m * n].reshape(m, n), **options)
    whole = whole.get()
    assert (whole[:32] == 77).all()
    assert (whole[32 + m * n :] == 77).all()
    return whole[32 : 32 + m * n].reshape(m, n)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("turned", TURNED)
def test_every_layout_by_every_block(rng, kind, block, turned):
    # More than one tile either way and along k; whole pieces of 16 bytes, not whole tiles.
    case = Case(rng, kind, *((136, 136, 88) if block == "large" else (72, 80, 264)))
    case.check(product(*case.operands(turned), block=block))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("turned", TURNED)
@pytest.mark.parametrize("block", ["medium", "small"])
@pytest.mark.parametrize(
    ("pad", "skip"), [((1, 3), (0, 0)), ((2, 2), (0, 0)), ((0, 0), (1, 2)), ((8, 16), (8, 8))]
)
def test_rows_that_begin_anywhere(rng, kind, turned, block, pad, skip):
    case = Case(rng, kind, 37, 43, 75)
    case.check(product(*case.operands(turned, pad, skip), block=block))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("n", [1, 2, 31, 33, 64])
@pytest.mark.parametrize("m", [1, 16, 31, 33, 65])
def test_edges_of_tiles(rng, kind, m, n):
    for k in (1, 8, 63, 65):
        case = Case(rng, kind, m, n, k)
        case.check(product(*case.operands((False, True))))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("k", [15, 16, 17, 32, 127, 128, 129, 400])
def test_depths_round_the_ring(rng, kind, k):
    case = Case(rng, kind, 40, 24, k)
    for block in BLOCKS:
        case.check(product(*case.operands((False, True), pad=(-k % 8, -k % 8)), block=block))


@pytest.mark.parametrize("kind", TYPES)
def test_nothing_to_do_and_empty_sums(rng, kind):
    for m, n, k in [(0, 5, 7), (5, 0, 7), (0, 0, 0)]:
        case = Case(rng, kind, m, n, k)
        assert product(*case.operands()).shape == (m, n)
    bias = rng.standard_normal(6).astype("f4")
    case = Case(rng, kind, 3, 6, 0)
    out = product(*case.operands(), bias=cuda_half.on_gpu(bias), activation="relu")
    assert (out == np.maximum(bias, 0)).all()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("n", [41, 42])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "leaky_relu"])
def test_bias_activation_and_bfloat16_output(rng, kind, n, activation):
    case = Case(rng, kind, 35, n, 50)
    bias = rng.standard_normal(n).astype("f4")
    sums = case.expected + bias
    formula = {
        "linear": lambda x: x,
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
        "leaky_relu": lambda x: np.where(x > 0, x, 0.25 * x),
    }[activation]
    options = {"bias": cuda_half.on_gpu(bias), "activation": activation}
    if activation == "leaky_relu":
        options["alpha"] = 0.25
    plain = product(*case.operands(), **options)
    case.check(plain, formula(sums))
    # The same numbers, rounded once more.
    assert (product(*case.operands(), kind="u2", **options) == as_bf16(plain)).all()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(33, 34, 35), (33, 37, 64)])
def test_adding_to_what_is_there(rng, kind, shape):
    case = Case(rng, kind, *shape)
    before = rng.standard_normal(case.expected.shape).astype("f4")
    out = cuda_half.on_gpu(before)
    cuda.gemm_tensor(*case.operands(), out, accumulate=True)
    case.limit += np.abs(case.expected).max() * tolerance.EPS32
    case.check(out.get(), case.expected + before)


@pytest.mark.parametrize("kind", TYPES)
def test_the_same_bits_each_time(rng, kind):
    case = Case(rng, kind, 70, 66, 130)
    first = product(*case.operands())
    assert first.tobytes() == product(*case.operands()).tobytes()


def test_infinities_and_nans_come_through(rng):
    for kind in TYPES:
        case = Case(rng, kind, 8, 8, 8)
        a = case.a.copy()
        a[0, 0], a[1, 1], a[2, 2] = np.inf, np.nan, 3e38
        case.a = a
        left, right = case.operands()
        if kind == "bf16":
            left[1, 1] = 0x7FC0  # as_bf16 above is for numbers
        out = product(left, right)
        assert np.isinf(out[0]).all()
        assert np.isnan(out[1]).all()
        assert np.isfinite(out[3:]).all()


def test_bad_operands_are_refused_by_name(rng):
    a, b = Case(rng, "tf32", 6, 6, 6).operands()
    out = cuda_half.on_gpu(np.zeros((6, 6), "f4"))
    with pytest.raises(ValueError, match="as many rows in b"):
        cuda.gemm_tensor(a, b[:4], out)
    with pytest.raises(ValueError, match="contiguous"):
        cuda.gemm_tensor(a[::2, ::2], b[:3], out[:3])
    with pytest.raises(ValueError, match="out: expected shape"):
        cuda.gemm_tensor(a, b, out[:4])
    with pytest.raises(ValueError, match="uint16"):
        cuda.gemm_tensor(a, cuda_half.on_gpu(np.zeros((6, 6), "u2")), out)
    with pytest.raises(ValueError, match="float32 outputs only"):
        cuda.gemm_tensor(a, b, cuda_half.on_gpu(np.zeros((6, 6), "u2")), accumulate=True)
    with pytest.raises(ValueError, match="block"):
        cuda.gemm_tensor(a, b, out, block="huge")


def test_engines_are_asked_for_by_name(rng, monkeypatch):
    a, b = Case(rng, "tf32", 6, 6, 6).operands()
    out = cuda_half.on_gpu(np.zeros((6, 6), "f4"))
    monkeypatch.setenv("HOTLOOP_CUDA_ENGINE", "ampere")
    assert cuda.tensor_engine(a, b, out) == "ampere"
    monkeypatch.setenv("HOTLOOP_CUDA_ENGINE", "maxwell")
    with pytest.raises(ValueError, match="HOTLOOP_CUDA_ENGINE"):
        cuda.gemm_tensor(a, b, out)
    monkeypatch.setenv("HOTLOOP_CUDA_ENGINE", "hopper")
    if cuda.device_info()["capability"] == (9, 0):
        assert cuda.tensor_engine(a, b, out) == "ampere"  # too small for the other's tiles
    else:
        with pytest.raises(RuntimeError, match=r"capability 9\.0"):
            cuda.gemm_tensor(a, b, out)
