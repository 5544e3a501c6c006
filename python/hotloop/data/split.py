"""Splitting a data set into a part to train on and a part to test on."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def train_test_split(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    test_size: float = 0.2,
    seed: int = 0,
    stratify: bool = False,
    shuffle: bool = True,
) -> tuple[Array, Array, Array, Array]:
    """Split rows into a training and a test part.

    Parameters
    ----------
    x : array_like, shape (n, ...)
    y : array_like, shape (n, ...)
    test_size : float
        Share of the rows that go to the test part, strictly between 0 and 1. Both parts get one row at least.
    seed : int
        The same seed gives the same split on every machine.
    stratify : bool
        Keep the share of each class in `y` (one integer a row); a class with a single row stays in the
        training part.
    shuffle : bool
        Without it the last rows are the test part, and `stratify` is refused.

    Returns
    -------
    x_train, x_test, y_train, y_test : ndarray
        Copies, in scikit-learn's order.

    Raises
    ------
    ValueError
        Where lengths differ, there are fewer than two rows, or an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from hotloop.data import train_test_split
    >>> x_train, x_test, y_train, y_test = train_test_split(np.eye(10), np.arange(10) % 2, stratify=True)
    >>> x_train.shape, sorted(y_test.tolist())
    ((8, 10), [0, 1])
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(
            f"train_test_split: expected as many labels as rows, got x {x.shape} and y {y.shape}"
        )
    if len(x) < 2:
        raise ValueError(f"train_test_split: expected at least 2 rows, got {len(x)}")
    if not 0 < test_size < 1:
        raise ValueError(f"test_size: expected a share between 0 and 1, got {test_size}")
    if stratify and not shuffle:
        raise ValueError("stratify: rows must be shuffled to keep the share of each class; use shuffle=True")
    wanted = min(max(round(len(x) * test_size), 1), len(x) - 1)
    order = np.random.default_rng(seed).permutation(len(x)) if shuffle else np.arange(len(x))
    if stratify:
        test, train = _stratified(order, y, wanted)
    else:
        train, test = order[: len(x) - wanted], order[len(x) - wanted :]
    return x[train], x[test], y[train], y[test]


def _stratified(order: Array, y: Array, wanted: int) -> tuple[Array, Array]:
    """Positions of the test and of the training part: of each class its share, by largest remainder."""
    if y.ndim != 1 or y.dtype.kind not in "biuUS":
        raise ValueError(
            f"stratify: expected one class label a row, got y of shape {y.shape} and type {y.dtype}"
        )
    _, classes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    shares = counts * (wanted / len(y))
    quota = np.minimum(np.floor(shares).astype(np.int64), counts - 1)
    room = counts - 1 - quota
    by_remainder = np.argsort(-(shares - quota), kind="stable")
    while (missing := wanted - int(quota.sum())) > 0 and room.any():
        extra = [c for c in by_remainder if room[c] > 0][:missing]
        quota[extra] += 1
        room[extra] -= 1
    # The place of each row among those of its class, in shuffled order.
    sorted_by_class = np.argsort(classes, kind="stable")
    place = np.empty(len(y), dtype=np.int64)
    place[sorted_by_class] = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    in_test = place < quota[classes]
    return order[in_test], order[~in_test]
