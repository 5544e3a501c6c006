"""The random seed of the whole process, and what is derived from it."""

from __future__ import annotations

import hashlib
import os

from hotloop.core.errors import integer
from hotloop.core.naming import reset_names

_seed: int | None = None
_generation = 0


def set_seed(seed: int) -> None:
    """Make all that follows reproducible: initial weights, shuffling, dropout.

    Every layer draws from the seed and its own name, so adding a layer does not change what the others draw.
    Automatic names start again from the first one (``"dense"``), so that a model built after the same
    ``set_seed`` gets the same names, hence the same weights. Results for one seed stay the same within a
    minor version.

    Parameters
    ----------
    seed : int
        Any integer from 0 on.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.set_seed(7)
    """
    global _seed, _generation
    _seed = integer("seed", seed, at_least=0)
    _generation += 1
    reset_names()


def seed_generation() -> int:
    """How often :func:`set_seed` was called: whoever keeps a derived seed compares it."""
    return _generation


def derive_seed(*parts: object) -> int:
    """Return a number in [0, 2**63) that depends on the seed and on ``parts`` (their text) alone.

    Without :func:`set_seed`, the seed comes from the operating system, once a process.
    """
    global _seed
    if _seed is None:
        _seed = int.from_bytes(os.urandom(7), "little")
    text = "\0".join([str(_seed), *map(str, parts)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
