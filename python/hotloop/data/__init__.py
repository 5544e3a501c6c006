"""Data in: readers of MNIST's own files, CSV and NumPy archives, the demo's digits, and splitting."""

from hotloop.core.naming import public_names
from hotloop.data.digits import mnist_digits
from hotloop.data.readers import Dataset, load
from hotloop.data.split import train_test_split

__all__ = ["Dataset", "load", "mnist_digits", "train_test_split"]


def __dir__() -> list[str]:
    return public_names(globals())
