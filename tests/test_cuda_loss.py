"""Losses on a GPU give the CPU's bits: every kind and option, rows of any length, special numbers."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native
from tolerance import guarded, guards_intact

cuda = cuda_half.load()
SPARSE = "sparse_categorical_crossentropy"
DENSE = "categorical_crossentropy"
CASES = [
    *[(kind, {}) for kind in _native.losses()],
    *[("huber", {"delta": 0.3}), ("huber", {"delta": 5.0})],
    *[("binary_crossentropy", {"from_logits": True}), ("binary_crossentropy", {"label_smoothing": 0.2})],
    ("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.1}),
    *[(SPARSE, {"from_logits": True}), (DENSE, {"from_logits": True}), (DENSE, {"label_smoothing": 0.1})],
    (DENSE, {"from_logits": True, "label_smoothing": 0.3}),
]
cases = pytest.mark.parametrize(("kind", "options"), CASES, ids=str)
# A thread takes a row of one column, a half warp rows of up to 256, a warp those of up to 512, then 2, 4, ...
COLS = [1, 2, 10, 15, 16, 17, 255, 256, 257, 260, 512, 513, 1025, 2052]


def data(rng, kind, options, rows, cols):
    """Predictions and targets of the sort the loss is made for."""
    prediction = rng.normal(0, 2, (rows, cols)).astype("f4")
    probabilities = (DENSE, SPARSE, "binary_crossentropy", "kl_divergence", "poisson")
    if kind in probabilities and not options.get("from_logits"):
        prediction = rng.uniform(0.01, 0.99, (rows, cols)).astype("f4")
    labels = rng.integers(0, cols, rows).astype("i4")
    if kind == SPARSE:
        return prediction, labels
    if kind in (DENSE, "categorical_hinge", "kl_divergence"):
        return prediction, (labels[:, None] == np.arange(cols)).astype("f4")
    if kind in ("binary_crossentropy", "hinge", "squared_hinge"):
        return prediction, rng.integers(0, 2, (rows, cols)).astype("f4")
    return prediction, rng.uniform(0, 5, (rows, cols)).astype("f4")


def run(half, place, kind, options, prediction, target, weight, wanted, scale):
    """Row losses, and the gradient and the probabilities where they are wanted, between intact guards."""
    outputs = [guarded(shape) for shape in (prediction.shape[:1], prediction.shape, prediction.shape)]
    memory = [place(whole) for _, whole in outputs]
    inner = [
        None if name not in wanted else whole[32 : 32 + view.size].reshape(*view.shape)
        for name, whole, (view, _) in zip(("loss", "gradient", "probability"), memory, outputs, strict=True)
    ]
    arrays = [None if a is None else place(a) for a in (prediction, target, weight)]
    half.loss(kind, *arrays, *inner, **options, gradient_scale=scale)
    wholes = [m if isinstance(m, np.ndarray) else m.get() for m in memory]
    assert all(guards_intact(whole) for whole in wholes)
    return np.concatenate(wholes)


def check(
    kind, options, prediction, target, weight=None, wanted=("loss", "gradient", "probability"), scale=0.25
):
    if not options.get("from_logits"):
        wanted = [name for name in wanted if name != "probability"]
    case = (kind, options, prediction, target, weight, wanted, scale)
    here, there = run(_native, np.copy, *case), run(cuda, cuda_half.on_gpu, *case)
    nan = np.isnan(here)
    np.testing.assert_array_equal(nan, np.isnan(there))
    np.testing.assert_array_equal(np.where(nan, 0, here).view("i4"), np.where(nan, 0, there).view("i4"))
    return here


@cases
@pytest.mark.parametrize("cols", COLS)
def test_rows_of_any_length(rng, kind, options, cols):
    for rows in (0, 1, 9):
        prediction, target = data(rng, kind, options, rows, cols)
        check(kind, options, prediction, target)
        check(kind, options, prediction, target, weight=rng.uniform(0, 2, rows).astype("f4"))


@cases
@pytest.mark.parametrize("cols", [1, 7, 100, 300])
@pytest.mark.parametrize(
    "wanted", [["loss"], ["loss", "gradient"], ["loss", "probability"]], ids=lambda names: names[-1]
)
def test_outputs_that_are_not_wanted(rng, kind, options, cols, wanted):
    prediction, target = data(rng, kind, options, 5, cols)
    check(kind, options, prediction, target, wanted=wanted)


@cases
@pytest.mark.parametrize("cols", [1, 4, 40, 600])
def test_special_numbers(rng, kind, options, cols):
    prediction, target = data(rng, kind, options, 40, cols)
    special = np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e30, -1e30, 3e38, 1e-40, 104, -104])
    prediction[np.arange(12), np.arange(12) % cols] = special
    prediction[12:16] = special[:4, None]
    prediction[16] = rng.choice(np.float32([0.0, -0.0]), cols)
    if kind != SPARSE:
        target[20:32, 0] = special
    saw = check(kind, options, prediction, target)
    assert np.isnan(saw).any()
    assert np.isfinite(saw[32:72]).any()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SPARSE, {"from_logits": True}),
        (DENSE, {"from_logits": True}),
        ("mean_squared_error", {}),
        (SPARSE, {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("cols", [4096, 8195, 20_000])
def test_long_rows(rng, kind, options, cols):
    check(kind, options, *data(rng, kind, options, 2, cols))


@cases
@pytest.mark.parametrize("cols", [60_000, 65_537, 150_000])
def test_rows_too_long_for_shared_memory(rng, kind, options, cols):
    check(kind, options, *data(rng, kind, options, 1, cols))


@pytest.mark.parametrize("cols", [10, 300])
def test_gradient_in_the_place_of_logits(rng, cols):
    logits, labels = data(rng, SPARSE, {"from_logits": True}, 9, cols)
    both = []
    for half, place in ((_native, np.copy), (cuda, cuda_half.on_gpu)):
        x, loss = place(logits), place(np.zeros(9, np.float32))
        half.loss(SPARSE, x, place(labels), None, loss, x, from_logits=True)
        both.append([a if half is _native else a.get() for a in (loss, x)])
    for here, there in zip(*both, strict=True):
        assert here.tobytes() == there.tobytes()


def test_labels_on_the_gpu_are_checked():
    x = cuda_half.on_gpu(np.zeros((3, 4), np.float32))
    loss = cuda_half.on_gpu(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="labels: expected 0 to 3, got 4 in row 1"):
        cuda.loss(SPARSE, x, cuda_half.on_gpu(np.int32([0, 4, 2])), None, loss)
