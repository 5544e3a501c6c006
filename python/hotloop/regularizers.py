"""Penalties on weights: Keras's classes and defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop import device
from hotloop.core import errors, serialization
from hotloop.core.naming import public_names
from hotloop.core.registry import Family

__all__ = ["L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2", "serialize"]


def __dir__() -> list[str]:
    return public_names(globals())


class Regularizer(serialization.Configurable):
    """A penalty ``l1 * sum(|w|) + l2 * sum(w^2)``, added to the loss.

    Attributes
    ----------
    l1, l2 : float
        What the native optimizer applies.

    Examples
    --------
    >>> import hotloop as hl
    >>> layer = hl.layers.Dense(3, kernel_regularizer=hl.regularizers.L1L2(l1=0.1))
    >>> layer.kernel_regularizer
    L1L2(l1=0.1, l2=0.0)
    """

    l1: float = 0.0
    l2: float = 0.0

    def __call__(self, weights: npt.ArrayLike) -> float:
        """Return the penalty, summed in double."""
        w = np.asarray(device.to_host(weights), dtype=np.float64)
        return float(self.l1 * np.abs(w).sum() + self.l2 * np.square(w).sum())


REGULARIZERS: Family[Regularizer] = Family("regularizer", Regularizer)


@REGULARIZERS.register
class L1(Regularizer):
    """``l1 * sum(|w|)``.

    Examples
    --------
    >>> L1(0.5)([1.0, -3.0])
    2.0
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = errors.number("L1: l1", l1, at_least=0)


@REGULARIZERS.register
class L2(Regularizer):
    """``l2 * sum(w^2)``.

    Examples
    --------
    >>> L2(0.5)([1.0, -3.0])
    5.0
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = errors.number("L2: l2", l2, at_least=0)


@REGULARIZERS.register
class L1L2(Regularizer):
    """``l1 * sum(|w|) + l2 * sum(w^2)``.

    Examples
    --------
    >>> L1L2(l1=0.5, l2=0.5)([1.0, -3.0])
    7.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = errors.number("L1L2: l1", l1, at_least=0)
        self.l2 = errors.number("L1L2: l2", l2, at_least=0)


l1, l2, l1_l2 = L1, L2, L1L2  # Keras has both spellings

CLASSES = REGULARIZERS.classes


def get(identifier: Any) -> Regularizer | None:
    """Resolve None, a name ("l1", "l2", "l1_l2"), a :func:`serialize` dict or a regularizer.

    Names stand for penalties of 0.01; "l1_l2" is both, since an :class:`L1L2` by its defaults does nothing.

    Raises
    ------
    ValueError
        For an unknown name; the nearest known one is named.

    Examples
    --------
    >>> get("l2")
    L2(l2=0.01)
    """
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("l1_l2", "l1l2"):
        return L1L2(0.01, 0.01)
    aliases = {"l1": L1, "l2": L2, "l1_l2": L1L2}
    found: Regularizer = serialization.resolve(REGULARIZERS, identifier, aliases)
    return found


def serialize(regularizer: Regularizer | None) -> dict[str, Any] | None:
    """Return what :func:`get` turns back into the same regularizer.

    Examples
    --------
    >>> serialize(L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    return None if regularizer is None else serialization.serialize(regularizer)
