"""Initial values: moments, bounds, shapes and fans; regularizers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop import initializers, regularizers
from hotloop.initializers.base import fans

SHAPE = (300, 200)
NORMAL_CUT = 0.87962566103423978


@pytest.mark.parametrize(
    ("name", "variance", "kind"),
    [
        ("glorot_uniform", 2 / 500, "uniform"),
        ("glorot_normal", 2 / 500, "truncated"),
        ("he_uniform", 2 / 300, "uniform"),
        ("he_normal", 2 / 300, "truncated"),
        ("lecun_uniform", 1 / 300, "uniform"),
        ("lecun_normal", 1 / 300, "truncated"),
        ("uniform", 0.1**2 / 12, "uniform"),
        ("normal", 0.05**2, "normal"),
        ("truncated_normal", (0.05 * NORMAL_CUT) ** 2, "truncated"),
    ],
)
def test_moments(name: str, variance: float, kind: str, rng: np.random.Generator) -> None:
    values = initializers.get(name)(SHAPE, rng)
    assert values.shape == SHAPE
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    deviation = math.sqrt(variance)
    # Five standard errors of the mean and of the variance; no kind's kurtosis is above the normal's 3.
    assert abs(values.mean()) < 5 * deviation / math.sqrt(values.size)
    assert abs(values.var() / variance - 1) < 5 * math.sqrt(2 / values.size)
    largest = np.abs(values).max()
    if kind == "uniform":
        assert 0.99 * math.sqrt(3) * deviation < largest <= math.sqrt(3) * deviation * (1 + 1e-6)
    elif kind == "truncated":
        limit = 2 * deviation / NORMAL_CUT
        assert 0.99 * limit < largest <= limit * (1 + 1e-6)
    else:
        assert largest > 3 * deviation


def test_constants() -> None:
    assert not initializers.get("zeros")((2, 3)).any()
    assert (initializers.get("ones")((4,)) == 1).all()
    assert (initializers.Constant(2.5)((1, 2)) == 2.5).all()
    assert initializers.Identity(3.0)((2, 3)).tolist() == [[3, 0, 0], [0, 3, 0]]


@pytest.mark.parametrize("shape", [(7, 7), (12, 5), (5, 12), (3, 2, 4)])
def test_orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    matrix = initializers.Orthogonal(2.0)(shape, rng).reshape(-1, shape[-1]).astype(np.float64)
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, 4.0 * np.eye(len(small)), atol=1e-5)


def test_fans() -> None:
    assert fans(()) == (1, 1)
    assert fans((5,)) == (5, 5)
    assert fans((5, 6)) == (5, 6)
    assert fans((3, 3, 5, 6)) == (45, 54)


@given(
    shape=st.lists(st.integers(0, 6), max_size=3).map(tuple), name=st.sampled_from(["he_normal", "normal"])
)
def test_any_shape(shape: tuple[int, ...], name: str) -> None:
    assert initializers.get(name)(shape, np.random.default_rng(0)).shape == shape


def test_a_generator_decides_and_a_seed_repeats() -> None:
    he = initializers.HeNormal()
    a, b = (he((4, 5), np.random.default_rng(7)) for _ in range(2))
    assert a.tolist() == b.tolist()
    generator = np.random.default_rng(7)
    assert he((4, 5), generator).tolist() != he((4, 5), generator).tolist()
    seeded = initializers.HeNormal(seed=3)
    assert seeded((4, 5), generator).tolist() == seeded((4, 5)).tolist()


@pytest.mark.parametrize("kind", initializers.CLASSES.values())
def test_config_round_trip(kind: type[initializers.Initializer]) -> None:
    one = kind()
    again = initializers.get(initializers.serialize(one))
    assert type(again) is kind
    assert again.get_config() == one.get_config()


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="did you mean 'fan_in'"):
        initializers.VarianceScaling(mode="fan_inn")
    with pytest.raises(ValueError, match="distribution"):
        initializers.VarianceScaling(distribution="gauss")
    with pytest.raises(ValueError, match="scale"):
        initializers.VarianceScaling(scale=0)
    with pytest.raises(ValueError, match="maxval"):
        initializers.RandomUniform(1.0, 0.0)
    with pytest.raises(ValueError, match="two axes"):
        initializers.Identity()((2, 2, 2))
    with pytest.raises(ValueError, match="two axes or more"):
        initializers.Orthogonal()((2,))


def test_regularizers(rng: np.random.Generator) -> None:
    w = rng.standard_normal((5, 4)).astype(np.float32)
    l1, l2 = np.abs(w.astype(float)).sum(), np.square(w.astype(float)).sum()
    assert regularizers.L1()(w) == pytest.approx(0.01 * l1)
    assert regularizers.L2(0.1)(w) == pytest.approx(0.1 * l2)
    assert regularizers.L1L2(0.1, 0.2)(w) == pytest.approx(0.1 * l1 + 0.2 * l2)
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get(None) is None
    assert regularizers.serialize(None) is None
    for one in (regularizers.L1(0.3), regularizers.L2(0.2), regularizers.L1L2(0.1, 0.5)):
        again = regularizers.get(regularizers.serialize(one))
        assert (type(again), again.l1, again.l2) == (type(one), one.l1, one.l2)
    with pytest.raises(ValueError, match="L2: l2"):
        regularizers.L2(-1)
