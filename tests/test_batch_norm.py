"""Batch normalisation: the double reference, finite differences, PyTorch, the same bits everywhere."""

from typing import Any

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from tolerance import EPS32, assert_close, guarded, guards_intact

SHAPES = [(1, 1), (2, 1), (3, 15), (4, 16), (5, 17), (127, 33), (128, 16), (129, 3), (257, 40)]
BY_SHAPE = pytest.mark.parametrize(("rows", "cols"), SHAPES)


def problem(rows: int, cols: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    draw = {
        "x": rng.normal(0.5, 2.0, (rows, cols)),
        "dy": rng.normal(size=(rows, cols)),
        "gamma": rng.uniform(0.5, 2.0, cols),
        "beta": rng.normal(size=cols),
        "moving_mean": rng.normal(size=cols),
        "moving_variance": rng.uniform(0.5, 3.0, cols),
    }
    return {name: value.astype(np.float32) for name, value in draw.items()}


def forward(
    p: dict[str, np.ndarray], training: bool, name: str = "batch_norm", affine: bool = True, **options: float
) -> dict[str, np.ndarray]:
    """What forward wrote: y, the moving statistics and, in training, mean and inverse deviation."""
    rows, cols = p["x"].shape
    out = {k: p[k].copy() for k in ("moving_mean", "moving_variance")} | {
        "y": np.empty((rows, cols), np.float32)
    }
    if training:
        out |= {"mean": np.empty(cols, np.float32), "inverse": np.empty(cols, np.float32)}
    scales: dict[str, Any] = {k: p[k] for k in ("gamma", "beta")} if affine else {}
    getattr(_native, name)(p["x"], **out, **scales, **options)
    return out


def backward(
    p: dict[str, np.ndarray], training: bool, name: str = "batch_norm_backward", **options: Any
) -> dict[str, np.ndarray]:
    rows, cols = p["x"].shape
    saved = forward(p, training)
    center, spread = ("mean", "inverse") if training else ("moving_mean", "moving_variance")
    out = {"dx": np.empty((rows, cols), np.float32), "dgamma": np.empty(cols, np.float32)}
    out["dbeta"] = np.empty(cols, np.float32)
    getattr(_native, name)(
        p["x"], p["dy"], saved[center], saved[spread], training, gamma=p["gamma"], **out, **options
    )
    return out


def tolerance_of_column_sums(rows: int, largest: float) -> float:
    """Chains of at most 128 rows, then of their sums."""
    return (min(rows, 128) + rows / 128 + 8) * EPS32 * largest * np.sqrt(rows)


@BY_SHAPE
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_forward_matches_the_reference(isa: str, rows: int, cols: int, training: bool, affine: bool) -> None:
    p = problem(rows, cols)
    got = forward(p, training, affine=affine, momentum=0.9)
    expected = forward(p, training, "batch_norm_ref", affine=affine, momentum=0.9)
    for name, value in expected.items():
        # Two rows can be close to each other; the deviation's relative error is that of their difference.
        assert_close(got[name], value, ulps=64, floor=64 * EPS32 * max(1.0, float(np.abs(value).max())))


@BY_SHAPE
@pytest.mark.parametrize("training", [True, False])
def test_backward_matches_the_reference(isa: str, rows: int, cols: int, training: bool) -> None:
    p = problem(rows, cols)
    got, expected = backward(p, training), backward(p, training, "batch_norm_backward_ref")
    # One row has no spread: dx is zero times 1 / sqrt(epsilon).
    largest = 32.0 if rows > 1 else 1.0
    for name, value in expected.items():
        assert_close(got[name], value, ulps=64, floor=tolerance_of_column_sums(rows, largest))


def numpy_loss(p: dict[str, np.ndarray], training: bool) -> float:
    """Sum of dy * y in double: its gradient with respect to y is dy."""
    d = {name: value.astype(np.float64) for name, value in p.items()}
    mean, variance = d["moving_mean"], d["moving_variance"]
    if training:
        mean, variance = d["x"].mean(0), d["x"].var(0)
    y = (d["x"] - mean) / np.sqrt(variance + 1e-3) * d["gamma"] + d["beta"]
    return float((y * d["dy"]).sum())


@pytest.mark.parametrize("training", [True, False])
def test_backward_matches_finite_differences(isa: str, training: bool) -> None:
    p = {name: value.astype(np.float64) for name, value in problem(7, 5).items()}
    got = backward({name: value.astype(np.float32) for name, value in p.items()}, training)
    for name, gradient in (("x", "dx"), ("gamma", "dgamma"), ("beta", "dbeta")):
        numeric, step = np.empty(p[name].shape), 1e-5
        for i in np.ndindex(p[name].shape):
            values = []
            for sign in (1, -1):
                moved = p | {name: p[name].copy()}
                moved[name][i] += sign * step
                values.append(numpy_loss(moved, training))
            numeric[i] = (values[0] - values[1]) / (2 * step)
        # Central differences in double are good to about step**2; the kernel to float32.
        np.testing.assert_allclose(got[gradient], numeric, rtol=2e-5, atol=2e-5)


def test_forward_and_backward_match_pytorch() -> None:
    torch = pytest.importorskip("torch")
    p = problem(50, 9)
    got, gradients = forward(p, True, momentum=0.9), backward(p, True)
    t = {name: torch.tensor(value, dtype=torch.float64) for name, value in p.items()}
    leaves = [t[name].requires_grad_() for name in ("x", "gamma", "beta")]
    # PyTorch's momentum is one minus Keras's, and its moving variance takes in the unbiased one, which is
    # n / (n - 1) times Keras's.
    mean, variance = t["moving_mean"].clone(), t["moving_variance"].clone()
    y = torch.nn.functional.batch_norm(t["x"], mean, variance, t["gamma"], t["beta"], True, 0.1, 1e-3)
    y.backward(t["dy"])
    np.testing.assert_allclose(got["y"], y.detach().numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got["moving_mean"], mean.numpy(), rtol=1e-5, atol=1e-6)
    ours = p["moving_variance"] * 0.9 + (variance.numpy() - 0.9 * p["moving_variance"]) * 49 / 50
    np.testing.assert_allclose(got["moving_variance"], ours, rtol=1e-5)
    for leaf, name in zip(leaves, ("dx", "dgamma", "dbeta"), strict=True):
        np.testing.assert_allclose(gradients[name], leaf.grad.numpy(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(301, 257), (5000, 16), (3, 20_000)])
def test_bits_are_the_same_everywhere(training: bool, shape: tuple[int, int]) -> None:
    p = problem(*shape)
    same_everywhere(lambda: [*forward(p, training).values(), *backward(p, training).values()])


def test_variance_of_numbers_far_from_zero(isa: str) -> None:
    p = problem(1000, 17)
    p["x"] += np.float32(10_000.0)
    got = forward(p, True, epsilon=0.0)
    # x - mean is exact to half a unit of x: 2^-11 at 10,000.
    np.testing.assert_allclose(got["inverse"], 1 / p["x"].astype(float).std(0), rtol=1e-4)


def test_a_constant_column_gives_beta(isa: str) -> None:
    p = problem(6, 20)
    p["x"][:] = 3.25
    np.testing.assert_array_equal(forward(p, True)["y"], np.broadcast_to(p["beta"], (6, 20)))


def test_no_rows_change_nothing(isa: str) -> None:
    p = problem(0, 5)
    got = forward(p, True)
    np.testing.assert_array_equal(got["moving_mean"], p["moving_mean"])
    gradients = backward(p, True)
    assert not gradients["dgamma"].any()
    assert not gradients["dbeta"].any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("gamma", "beta"), [(True, True), (True, False), (False, True)])
def test_gradients_accumulate(isa: str, training: bool, gamma: bool, beta: bool) -> None:
    p = problem(9, 18)
    plain, saved = backward(p, training), forward(p, training)
    center, spread = ("mean", "inverse") if training else ("moving_mean", "moving_variance")
    total = {name: np.ones_like(value) for name, value in plain.items()}
    more = {"accumulate": True, "accumulate_gamma": gamma, "accumulate_beta": beta}
    before = {"dx": 1, "dgamma": gamma, "dbeta": beta}
    _native.batch_norm_backward(
        p["x"], p["dy"], saved[center], saved[spread], training, gamma=p["gamma"], **total, **more
    )
    for name, value in plain.items():
        np.testing.assert_array_equal(total[name], value + np.float32(before[name]))


@BY_SHAPE
def test_nothing_is_written_outside(isa: str, rows: int, cols: int) -> None:
    p = problem(rows, cols)
    for training in (True, False):
        y, whole = guarded((rows, cols))
        names = ["moving_mean", "moving_variance"] + (["mean", "inverse"] if training else [])
        columns = {name: guarded((cols,)) for name in names}
        for view, _ in columns.values():
            view[...] = 1
        _native.batch_norm(p["x"], y, **{name: view for name, (view, _) in columns.items()})
        dx, whole_dx = guarded((rows, cols))
        slopes = {name: guarded((cols,)) for name in ("dgamma", "dbeta")}
        views = {name: view for name, (view, _) in slopes.items()}
        _native.batch_norm_backward(
            p["x"], p["dy"], p["moving_mean"], p["moving_variance"], training, dx=dx, **views
        )
        everything = [whole, whole_dx, *(w for _, w in columns.values()), *(w for _, w in slopes.values())]
        assert all(guards_intact(w) for w in everything)


@pytest.mark.parametrize("size", [1e18, 1.5e19, 1e25, 1e35])
@pytest.mark.parametrize("rows", [2, 127, 300])
def test_numbers_whose_squares_do_not_fit_a_float(size: float, rows: int) -> None:
    """Columns beyond 1e19 are normalised as others are, and leave the bits of those beside them alone."""
    p, ordinary = problem(rows, 40), problem(rows, 40)
    p["x"][:, ::3] *= np.float32(size)
    names = ("y", "mean", "inverse", "moving_mean", "moving_variance")
    got = dict(zip(names, same_everywhere(lambda: [forward(p, True)[n] for n in names]), strict=True))
    expected = forward(p, True, "batch_norm_ref")
    largest = np.finfo(np.float32).max
    expected["moving_variance"] = np.minimum(expected["moving_variance"], 0.01 * largest)
    for name in names:
        tolerance = 64 * EPS32 * np.maximum(np.abs(expected[name]).max(axis=0), 1.0)
        if name == "inverse":
            tolerance = 64 * EPS32 * expected[name]
        assert (np.abs(got[name].astype(float) - expected[name]) <= tolerance).all(), name
    for name, value in forward(ordinary, True).items():
        beside = np.arange(40) % 3 != 0
        np.testing.assert_array_equal(got[name][..., beside], value[..., beside])
    gradients, exact = backward(p, True), backward(p, True, "batch_norm_backward_ref")
    floor = tolerance_of_column_sums(rows, 32.0)
    for name in ("dgamma", "dbeta"):
        assert_close(gradients[name], exact[name], ulps=64, floor=floor)
    # dx is a difference of numbers as large as the deviation's inverse.
    unit = np.maximum(expected["inverse"].astype(float), 2.0**-126)
    assert (np.abs(gradients["dx"].astype(float) - exact["dx"]) <= floor * unit).all()


def test_a_variance_beyond_float32_counts_as_the_largest(isa: str) -> None:
    p = problem(50, 5)
    p["x"] *= np.float32(1e30)
    for _ in range(3):
        p |= {k: v for k, v in forward(p, True, momentum=0.5).items() if k.startswith("moving")}
    assert np.isfinite(p["moving_variance"]).all()
    assert np.isfinite(forward(p, False)["y"]).all()


def test_infinity_and_nan_stay_visible(isa: str) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        p = problem(20, 33)
        p["x"][3, 2] = bad
        got = forward(p, True)
        assert np.isnan(got["inverse"][2])
        assert np.isnan(got["moving_variance"][2])
        assert np.isfinite(np.delete(got["y"], 2, axis=1)).all()
