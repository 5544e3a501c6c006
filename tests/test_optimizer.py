"""Optimizer steps: against the double reference, Keras's formulas in NumPy, and PyTorch if installed."""

from typing import Any

import numpy as np
import pytest

from everywhere import same_everywhere
from hotloop import _native
from hotloop.kernels.optimizer import adam_step, rmsprop_step, sgd_step
from tolerance import EPS32, assert_close, guarded, guards_intact

SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 127, 1000]
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}),
    "sgd clipped, scaled, decayed": ("sgd", {"clip_value": 0.25, "gradient_scale": 0.5, "weight_decay": 0.1}),
    "rmsprop": ("rmsprop", {}),
    "rmsprop with momentum": ("rmsprop", {"momentum": 0.5, "rho": 0.8}),
    "rmsprop centred": ("rmsprop", {"centered": True}),
    "rmsprop centred with momentum": ("rmsprop", {"centered": True, "momentum": 0.9}),
    "adam": ("adam", {"step": 3}),
    "adam amsgrad": ("adam", {"step": 7, "amsgrad": True}),
    "adamw": ("adam", {"step": 1000, "weight_decay": 0.01}),
}
WHICH = pytest.mark.parametrize(("kind", "options"), CONFIGS.values(), ids=CONFIGS)


def random_state(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Weights, gradients, three slots: 0 and 1 can stand for squares, and 0 dominates 2's square."""
    rng = np.random.default_rng(seed)
    w, g = rng.normal(size=(2, n)).astype(np.float32)
    slots = [rng.uniform(1, 2, n), rng.uniform(0.1, 1, n), rng.uniform(-0.5, 0.5, n)]
    return w, g, [s.astype(np.float32) for s in slots]


@WHICH
@pytest.mark.parametrize("n", SIZES)
def test_step_matches_the_reference(isa: str, kind: str, options: dict[str, Any], n: int) -> None:
    w, g, slots = random_state(n)
    expected, expected_slots = w.copy(), [s.copy() for s in slots]
    _native.optimizer_ref(kind, expected, g, expected_slots, learning_rate=0.05, **options)
    memory = [guarded((n,)) for _ in range(4)]
    for (view, _), source in zip(memory, [w, *slots], strict=True):
        view[...] = source
    _native.optimizer_step(
        kind, memory[0][0], g, [view for view, _ in memory[1:]], learning_rate=0.05, **options
    )
    # A step is a handful of roundings of numbers that are a few units at most.
    assert_close(memory[0][0], expected, ulps=4, floor=8 * EPS32)
    for (view, _), slot in zip(memory[1:], expected_slots, strict=True):
        assert_close(view, slot, ulps=4, floor=4 * EPS32)
    assert all(guards_intact(whole) for _, whole in memory)


@WHICH
def test_bits_are_the_same_everywhere(kind: str, options: dict[str, Any]) -> None:
    def compute() -> list[np.ndarray]:
        w, g, slots = random_state(200_003)
        for _ in range(2):
            _native.optimizer_step(kind, w, g, slots, **options)
        return [w, *slots]

    same_everywhere(compute)


class Keras:
    """Keras 3's update rules in NumPy's double precision, one method a rule, state in ``self.s``."""

    def __init__(self, n: int) -> None:
        self.s = np.zeros((3, n))
        self.t = 0

    def sgd(
        self, w: np.ndarray, g: np.ndarray, lr: float, momentum: float = 0.0, nesterov: bool = False
    ) -> None:
        self.s[0] = self.s[0] * momentum - g * lr
        w += self.s[0] * momentum - g * lr if nesterov else self.s[0]

    def rmsprop(
        self,
        w: np.ndarray,
        g: np.ndarray,
        lr: float,
        rho: float = 0.9,
        momentum: float = 0.0,
        centered: bool = False,
        epsilon: float = 1e-7,
    ) -> None:
        self.s[0] = rho * self.s[0] + (1 - rho) * g**2
        denominator = self.s[0] + epsilon
        if centered:
            self.s[2] = rho * self.s[2] + (1 - rho) * g
            denominator = denominator - self.s[2] ** 2
        self.s[1] = momentum * self.s[1] + lr * g / np.sqrt(denominator)
        w -= self.s[1]

    def adam(
        self,
        w: np.ndarray,
        g: np.ndarray,
        lr: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.t += 1
        w -= w * weight_decay * lr
        alpha = lr * np.sqrt(1 - beta_2**self.t) / (1 - beta_1**self.t)
        self.s[0] += (g - self.s[0]) * (1 - beta_1)
        self.s[1] += (g**2 - self.s[1]) * (1 - beta_2)
        self.s[2] = np.maximum(self.s[2], self.s[1])
        w -= self.s[0] * alpha / (np.sqrt(self.s[2] if amsgrad else self.s[1]) + epsilon)


STEPS, LEARNING_RATE = 50, 0.01
TRAJECTORIES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}),
    "rmsprop": ("rmsprop", {"epsilon": 1e-5}),
    "rmsprop with momentum": ("rmsprop", {"momentum": 0.7, "rho": 0.95, "epsilon": 0.0}),
    "rmsprop centred": ("rmsprop", {"centered": True, "epsilon": 0.0}),
    "adam": ("adam", {"epsilon": 1e-5}),
    "adam without epsilon": ("adam", {"epsilon": 0.0}),
    "adamw": ("adam", {"weight_decay": 0.1, "epsilon": 0.0}),
    "amsgrad": ("adam", {"amsgrad": True, "epsilon": 0.0}),
}


def gradients_of_a_run(n: int = 333) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(size=n).astype(np.float32), rng.normal(0.1, 1, size=(STEPS, n)).astype(np.float32)


def our_run(kind: str, options: dict[str, Any]) -> np.ndarray:
    w, gradients = gradients_of_a_run()
    slots = [np.zeros_like(w) for _ in range(3)]
    for t, g in enumerate(gradients):
        _native.optimizer_step(kind, w, g, slots, learning_rate=LEARNING_RATE, step=t + 1, **options)
    return w


# Fifty steps, each adding a few roundings of numbers below 4.
TRAJECTORY_FLOOR = STEPS * 4 * EPS32


@pytest.mark.parametrize(("kind", "options"), TRAJECTORIES.values(), ids=TRAJECTORIES)
def test_fifty_steps_of_keras_formulas(isa: str, kind: str, options: dict[str, Any]) -> None:
    start, gradients = gradients_of_a_run()
    w, rule = start.astype(np.float64), Keras(start.size)
    for g in gradients.astype(np.float64):
        getattr(rule, kind)(w, g, LEARNING_RATE, **options)
    assert_close(our_run(kind, options), w, ulps=4, floor=TRAJECTORY_FLOOR)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(k, o) for k, o in TRAJECTORIES.values() if o.get("epsilon", 0.0) == 0.0],
    ids=[name for name, (_, o) in TRAJECTORIES.items() if o.get("epsilon", 0.0) == 0.0],
)
def test_fifty_steps_of_pytorch(kind: str, options: dict[str, Any]) -> None:
    # PyTorch adds epsilon after the bias correction (Adam) or outside the root (RMSprop), Keras before it or
    # inside: without epsilon they are one formula. PyTorch's velocity is Keras's divided by -learning_rate,
    # which comes to the same while the rate stays constant.
    torch = pytest.importorskip("torch")
    start, gradients = gradients_of_a_run()
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    o = dict(options)
    optimizer: Any
    if kind == "sgd":
        optimizer = torch.optim.SGD([w], lr=LEARNING_RATE, **o)
    elif kind == "rmsprop":
        optimizer = torch.optim.RMSprop(
            [w],
            lr=LEARNING_RATE,
            alpha=o.pop("rho", 0.9),
            eps=o.pop("epsilon"),
            momentum=o.pop("momentum", 0.0),
            **o,
        )
    else:
        optimizer = torch.optim.AdamW(
            [w], lr=LEARNING_RATE, eps=o.pop("epsilon"), weight_decay=o.pop("weight_decay", 0.0), **o
        )
    for g in gradients:
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
    assert_close(our_run(kind, options), w.detach().numpy(), ulps=4, floor=TRAJECTORY_FLOOR)


def test_centred_rmsprop_survives_constant_gradients(isa: str) -> None:
    w, g = np.zeros(40, np.float32), np.full(40, 1234.567, np.float32)
    slots = [np.zeros_like(w) for _ in range(3)]
    for _ in range(300):
        _native.optimizer_step("rmsprop", w, g, slots, centered=True, rho=0.5)
    assert np.isfinite(w).all()


def test_adam_state_without_gradients_never_gets_subnormal(isa: str) -> None:
    w, g = np.ones(40, np.float32), np.full(40, 1e-3, np.float32)
    slots = [np.zeros_like(w) for _ in range(3)]
    smallest = np.finfo(np.float32).tiny
    for step in range(1, 3000):
        _native.optimizer_step("adam", w, g, slots, step=step, beta_2=0.95)
        g[:] = 0
        for slot in slots[:2]:
            assert ((slot == 0) | (np.abs(slot) >= smallest)).all()
    assert np.isfinite(w).all()


def test_adam_takes_gradients_of_any_size(isa: str) -> None:
    # From the first step on Adam moves by the learning rate, whatever the gradients are measured in.
    sizes = np.array([1e-15, 1e-9, 1e-3, 1.0, 1e6, 1e15, -1e-15, -1e15], np.float32)
    w, slots = np.zeros_like(sizes), [np.zeros_like(sizes) for _ in range(3)]
    _native.optimizer_step("adam", w, sizes, slots, learning_rate=0.5, epsilon=0.0)
    np.testing.assert_allclose(w, -0.5 * np.sign(sizes), rtol=1e-5)


HUGE = np.array([1e18, 9e18, 1e19, -1e20, 1e25, -3e38, np.inf, -np.inf, 0.5, 0.0], np.float32)


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"weight_decay": 0.1}], ids=str)
def test_adam_moves_by_the_rate_where_squares_do_not_fit_a_float(isa: str, options: dict[str, Any]) -> None:
    w, slots = np.zeros_like(HUGE), [np.zeros_like(HUGE) for _ in range(3)]
    for step in range(1, 6):
        _native.optimizer_step("adam", w, HUGE, slots, learning_rate=0.5, epsilon=0.0, step=step, **options)
        if step == 1:
            np.testing.assert_allclose(w, -0.5 * np.sign(HUGE), rtol=1e-5)
    # The same gradient time and again: as far each time, less what decays.
    assert (np.abs(w[:-1]) > 2).all()
    assert (np.sign(w) == -np.sign(HUGE)).all()
    assert np.isfinite(slots).all()


@pytest.mark.parametrize(
    "options", [{}, {"centered": True}, {"momentum": 0.5}, {"centered": True, "momentum": 0.5}], ids=str
)
def test_rmsprop_moves_alike_where_squares_do_not_fit_a_float(isa: str, options: dict[str, Any]) -> None:
    w, slots = np.zeros_like(HUGE), [np.zeros_like(HUGE) for _ in range(3)]
    _native.optimizer_step("rmsprop", w, HUGE, slots, learning_rate=0.5, epsilon=0.0, **options)
    # The first mean square is a tenth of the square; centred, less a hundredth.
    rest = 0.1 - 0.01 if "centered" in options else 0.1
    np.testing.assert_allclose(w, -0.5 * np.sign(HUGE) / np.sqrt(rest), rtol=1e-5)
    assert np.isfinite(slots).all()


@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adam"])
def test_a_nan_gradient_is_not_hidden_by_clipping(isa: str, kind: str) -> None:
    w, g = np.ones(20, np.float32), np.ones(20, np.float32)
    g[17] = np.nan
    slots = [np.zeros_like(w) for _ in range(3)]
    _native.optimizer_step(kind, w, g, slots, clip_value=0.5)
    assert np.isnan(w[17])
    assert np.isfinite(np.delete(w, 17)).all()


def test_clip_value_clamps_infinities(isa: str) -> None:
    w = np.zeros(3, np.float32)
    _native.optimizer_step(
        "sgd", w, np.array([np.inf, -np.inf, 0.25], np.float32), learning_rate=1.0, clip_value=0.5
    )
    assert w.tolist() == [-0.5, 0.5, -0.25]


def test_zero_padding_stays_zero(isa: str) -> None:
    for kind, options in CONFIGS.values():
        w, g = np.zeros(16, np.float32), np.zeros(16, np.float32)
        slots = [np.zeros_like(w) for _ in range(3)]
        _native.optimizer_step(kind, w, g, slots, **options)
        assert not w.any()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.01), (0.3, 0.2)])
def test_regularizer_gradient(isa: str, n: int, l1: float, l2: float) -> None:
    w, start, _ = random_state(n)
    w[::5] = 0.0
    g, whole = guarded((n,))
    g[...] = start
    _native.add_regularizer_gradient(w, g, l1, l2)
    expected = start + 2.0 * l2 * w.astype(float) + l1 * np.sign(w.astype(float))
    assert_close(g, expected, ulps=4, floor=4 * EPS32)
    assert guards_intact(whole)


def test_regularizer_gradient_bits() -> None:
    def compute() -> list[np.ndarray]:
        w, g, _ = random_state(200_003)
        _native.add_regularizer_gradient(w, g, 0.1, 0.2)
        return [g]

    same_everywhere(compute)


def test_public_steps_take_strided_read_only_gradients_of_any_dtype() -> None:
    for dtype in (np.float32, np.float64, np.int32):
        g = np.arange(24, dtype=dtype).reshape(4, 6)[::2, ::2]
        g.flags.writeable = False
        w = np.zeros((2, 3), np.float32)
        sgd_step(w, g, learning_rate=0.5)
        np.testing.assert_array_equal(w, -0.5 * g.astype(np.float32))


def test_public_steps_equal_the_native_ones() -> None:
    w, g, slots = random_state(100)
    for step, kind, options, extra in [
        (
            lambda w, s: sgd_step(w, g, s[0], momentum=0.9, nesterov=True),
            "sgd",
            {"momentum": 0.9},
            {"nesterov": True},
        ),
        (lambda w, s: rmsprop_step(w, g, *s, momentum=0.5), "rmsprop", {"momentum": 0.5}, {"centered": True}),
        (
            lambda w, s: adam_step(w, g, *s, step=4, weight_decay=0.1),
            "adam",
            {"weight_decay": 0.1, "step": 4},
            {},
        ),
    ]:
        ours, ours_slots = w.copy(), [s.copy() for s in slots]
        step(ours, ours_slots)
        theirs, theirs_slots = w.copy(), [s.copy() for s in slots]
        rate = 0.01 if kind == "sgd" else 0.001
        amsgrad = {"amsgrad": True} if kind == "adam" else {}
        _native.optimizer_step(
            kind, theirs, g, theirs_slots, learning_rate=rate, **options, **extra, **amsgrad
        )
        assert [ours.tobytes(), *map(bytes, ours_slots)] == [theirs.tobytes(), *map(bytes, theirs_slots)]


def test_what_cannot_be_updated_in_place_is_refused_unchanged() -> None:
    w, g = np.ones(8, np.float32), np.ones(8, np.float32)
    read_only = w.copy()
    read_only.flags.writeable = False
    for bad, error, words in [
        (w.astype(np.float64), TypeError, "weights: expected a float32 NumPy array, got a float64 array"),
        ([1.0], TypeError, "weights: expected a float32 NumPy array, got list"),
        (np.ones((8, 2), np.float32)[:, 0], ValueError, "weights: expected a C-contiguous array"),
        (read_only, ValueError, "weights: expected a writable array"),
    ]:
        with pytest.raises(error, match=words):
            sgd_step(bad, np.ones(np.shape(bad)))
    with pytest.raises(
        ValueError, match=r"gradients: expected the weights' shape \(8,\), got an array of shape \(7,\)"
    ):
        sgd_step(w, g[:7])
    with pytest.raises(TypeError, match="gradients: expected real numbers"):
        sgd_step(w, g.astype(complex))
    with pytest.raises(ValueError, match="velocity: expected an array when momentum"):
        sgd_step(w, g, momentum=0.9)
    with pytest.raises(ValueError, match="velocity: expected an array when momentum"):
        rmsprop_step(w, g, np.zeros_like(w), momentum=0.9)
    with pytest.raises(ValueError, match="v: expected memory of its own"):
        adam_step(w, g, np.zeros_like(w), w, step=1)
    with pytest.raises(ValueError, match="m: expected the weights' shape"):
        adam_step(w, g, np.zeros(9, np.float32), np.zeros_like(w), step=1)
    with pytest.raises(ValueError, match="step: expected 1 to 9223372036854775807, got 0"):
        adam_step(w, g, np.zeros_like(w), np.zeros_like(w), step=0)
    with pytest.raises(ValueError, match="learning_rate: expected a finite number"):
        sgd_step(w, g, learning_rate=float("nan"))
    with pytest.raises(ValueError, match="clip_value: expected a finite number > 0"):
        sgd_step(w, g, clip_value=-1.0)
    assert (w == 1).all()


def test_native_step_refuses_missing_slots_and_unknown_kinds() -> None:
    w = np.ones(4, np.float32)
    with pytest.raises(ValueError, match=r"slots\[1\]: expected an array"):
        _native.optimizer_step("adam", w, w, [w.copy()])
    with pytest.raises(ValueError, match="expected one of sgd, rmsprop, adam, got 'adagrad'"):
        _native.optimizer_step("adagrad", w, w)
