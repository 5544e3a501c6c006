"""Optimizer steps in place on float32 arrays, with Keras 3's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.device import HOST, Host
from hotloop.kernels import operands
from hotloop.kernels.gemm import as_float32
from hotloop.kernels.operands import HOST_TYPES

Floats = npt.NDArray[np.float32]


def _state(what: str, value: Any, shape: tuple[int, ...] | None, where: Host) -> Floats:
    """Return ``value`` if a step can write it where it lies, else raise."""
    mend = "it is updated in place, which a converted copy would not be"
    operands.require_array(what, value, np.float32, where, mend)
    if shape is not None and value.shape != shape:
        raise errors.bad_value(what, f"the weights' shape {shape}", f"an array of shape {value.shape}")
    if not value.flags.c_contiguous:
        mend = "it is updated in place: pass np.ascontiguousarray(...) and copy the result back"
        raise errors.bad_value(what, "a C-contiguous array", "a strided one", mend)
    if where is HOST and not value.flags.writeable:
        raise errors.bad_value(what, "a writable array", "a read-only one", "pass a copy")
    state: Floats = value
    return state


def _step(
    kind: str,
    weights: Floats,
    gradients: npt.ArrayLike,
    state: dict[str, Floats | None],
    clip_value: float | None,
    flags: dict[str, bool],
    scalars: dict[str, float],
    step: int = 1,
) -> None:
    """Check everything and take one native step; ``state`` is in the order of the native slots."""
    where = HOST
    if not HOST_TYPES.issuperset(map(type, (weights, gradients, *state.values()))):
        where = operands.common_device(weights=weights, gradients=gradients, **state)
    _state("weights", weights, None, where)
    shares: Any = np.may_share_memory if where is HOST else where.may_share
    written = [weights]
    for what, array in state.items():
        if array is not None:
            written.append(_state(what, array, weights.shape, where))
            if any(shares(array, other) for other in written[:-1]):
                raise errors.bad_value(what, "memory of its own", "an array that overlaps another one")
    slopes = as_float32("gradients", gradients, where)
    if not slopes.flags.c_contiguous:
        slopes = where.contiguous(slopes)
    if any(shares(slopes, array) for array in written):
        slopes = slopes.copy()  # what the step writes at one place it would read at another
    if slopes.shape != weights.shape:
        expected = f"the weights' shape {weights.shape}"
        raise errors.bad_value("gradients", expected, f"an array of shape {slopes.shape}")
    numbers: dict[str, Any] = {name: errors.number32(name, value) for name, value in scalars.items()}
    numbers["clip_value"] = 0.0 if clip_value is None else errors.number32("clip_value", clip_value, above=0)
    step = errors.integer("step", step, at_least=1, at_most=2**63 - 1)
    slots = list(state.values())
    where.native.optimizer_step(kind, weights, slopes, slots, step=step, **flags, **numbers)


def sgd_step(
    weights: Floats,
    gradients: npt.ArrayLike,
    velocity: Floats | None = None,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
) -> None:
    """Take one step of gradient descent, in place.

    ``w -= learning_rate * g``; with momentum ``v = momentum * v - learning_rate * g`` and ``w += v``, or with
    Nesterov's ``w += momentum * v - learning_rate * g``.

    Parameters
    ----------
    weights : NumPy or CuPy array of float32, C-contiguous
        Updated in place.
    gradients : array_like of the same shape
        Read only; any strides and real dtype.
    velocity : NumPy or CuPy array of float32, C-contiguous, of the same shape, optional
        State, zeros before the first step, updated in place. Needed when ``momentum`` is not 0.
    learning_rate, momentum : float
    nesterov : bool
    weight_decay : float
        Decoupled: ``w -= learning_rate * weight_decay * w`` comes first.
    clip_value : float, optional
        Gradients are clamped to ``[-clip_value, clip_value]``.

    Raises
    ------
    TypeError
        When an array that is updated is not a float32 NumPy or CuPy array.
    ValueError
        When shapes differ, an array that is updated is strided, read-only or overlaps another, or one is
        missing.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 2.0], dtype=np.float32)
    >>> sgd_step(w, [1.0, -1.0], learning_rate=0.5)
    >>> w
    array([0.5, 2.5], dtype=float32)
    """
    if momentum != 0.0 and velocity is None:
        raise errors.bad_value("velocity", "an array when momentum is not 0", "None", "pass zeros at first")
    _step(
        "sgd",
        weights,
        gradients,
        {"velocity": velocity},
        clip_value,
        {"nesterov": nesterov},
        {"learning_rate": learning_rate, "momentum": momentum, "weight_decay": weight_decay},
    )


def rmsprop_step(
    weights: Floats,
    gradients: npt.ArrayLike,
    mean_square: Floats,
    velocity: Floats | None = None,
    mean_gradient: Floats | None = None,
    *,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
) -> None:
    """Take one step of RMSprop, in place.

    ``r = rho * r + (1 - rho) * g**2`` and ``w -= learning_rate * g / sqrt(r + epsilon)``; with momentum that
    step is added to ``momentum * velocity`` first. With ``mean_gradient`` (centred) the square of the
    gradients' own moving mean is taken off ``r`` under the root. Gradients beyond 2^63 count as that, so that
    their squares fit a float32.

    Parameters
    ----------
    weights : NumPy or CuPy array of float32, C-contiguous
        Updated in place.
    gradients : array_like of the same shape
        Read only; any strides and real dtype.
    mean_square : NumPy or CuPy array of float32, C-contiguous, of the same shape
        State, zeros before the first step, updated in place.
    velocity, mean_gradient : the same, optional
        ``velocity`` is needed when ``momentum`` is not 0; ``mean_gradient`` asks for the centred form.
    learning_rate, rho, momentum, epsilon : float
    weight_decay : float
        Decoupled: ``w -= learning_rate * weight_decay * w`` comes first.
    clip_value : float, optional
        Gradients are clamped to ``[-clip_value, clip_value]``.

    Raises
    ------
    TypeError, ValueError
        As :func:`sgd_step`.

    Examples
    --------
    >>> import numpy as np
    >>> w, r = np.array([1.0, 2.0], dtype=np.float32), np.zeros(2, dtype=np.float32)
    >>> rmsprop_step(w, [3.0, -4.0], r, learning_rate=0.5, rho=0.75, epsilon=0.0)
    >>> w
    array([0., 3.], dtype=float32)
    """
    if momentum != 0.0 and velocity is None:
        raise errors.bad_value("velocity", "an array when momentum is not 0", "None", "pass zeros at first")
    _step(
        "rmsprop",
        weights,
        gradients,
        {"mean_square": mean_square, "velocity": velocity, "mean_gradient": mean_gradient},
        clip_value,
        {"centered": mean_gradient is not None},
        {
            "learning_rate": learning_rate,
            "rho": rho,
            "momentum": momentum,
            "epsilon": epsilon,
            "weight_decay": weight_decay,
        },
    )


def adam_step(
    weights: Floats,
    gradients: npt.ArrayLike,
    m: Floats,
    v: Floats,
    v_hat: Floats | None = None,
    *,
    step: int,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float = 0.0,
    clip_value: float | None = None,
) -> None:
    """Take one step of Adam in place; of AdamW with ``weight_decay``, of AMSGrad with ``v_hat``.

    ``m += (1 - beta_1) * (g - m)``, ``v += (1 - beta_2) * (g**2 - v)`` and
    ``w -= alpha * m / (sqrt(v) + epsilon)`` with
    ``alpha = learning_rate * sqrt(1 - beta_2**step) / (1 - beta_1**step)``: as in Keras, epsilon is the
    paper's "epsilon hat", which is not scaled by the bias correction. Gradients beyond 2^63 count as that, so
    that their squares fit a float32.

    Parameters
    ----------
    weights : NumPy or CuPy array of float32, C-contiguous
        Updated in place.
    gradients : array_like of the same shape
        Read only; any strides and real dtype.
    m, v : NumPy or CuPy array of float32, C-contiguous, of the same shape
        State, zeros before the first step, updated in place.
    v_hat : the same, optional
        The largest ``v`` so far; passing it asks for AMSGrad.
    step : int
        Counted from 1.
    learning_rate, beta_1, beta_2, epsilon : float
    weight_decay : float
        Decoupled: ``w -= learning_rate * weight_decay * w`` comes first.
    clip_value : float, optional
        Gradients are clamped to ``[-clip_value, clip_value]``.

    Raises
    ------
    TypeError, ValueError
        As :func:`sgd_step`; also when ``step`` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 2.0], dtype=np.float32)
    >>> m, v = np.zeros_like(w), np.zeros_like(w)
    >>> adam_step(w, [3.0, -4.0], m, v, step=1, learning_rate=0.5, epsilon=0.0)
    >>> w.round(3)
    array([0.5, 2.5], dtype=float32)
    """
    _step(
        "adam",
        weights,
        gradients,
        {"m": m, "v": v, "v_hat": v_hat},
        clip_value,
        {"amsgrad": v_hat is not None},
        {
            "learning_rate": learning_rate,
            "beta_1": beta_1,
            "beta_2": beta_2,
            "epsilon": epsilon,
            "weight_decay": weight_decay,
        },
        step,
    )
