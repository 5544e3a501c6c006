"""How many threads a call may use."""

from __future__ import annotations

from hotloop import _native
from hotloop.core.errors import integer


def set_num_threads(threads: int) -> None:
    """Set how many threads a call may use; no result depends on it.

    Parameters
    ----------
    threads : int
        At least 1. Before the first call the limit is ``HOTLOOP_NUM_THREADS``, else ``OMP_NUM_THREADS``,
        else the CPUs that the affinity mask and the container's quota leave to the process.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.set_num_threads(2)
    >>> hl.num_threads()
    2
    """
    # Whatever no C int can hold is refused in the same words.
    _native.set_num_threads(min(integer("threads", threads, at_least=1), 2**31 - 1))


def num_threads() -> int:
    """Return how many threads a call may use; see :func:`set_num_threads`.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.num_threads() >= 1
    True
    """
    return int(_native.num_threads())
