"""`load`: a data set from the files people have: MNIST's own, CSV, or a NumPy archive."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hotloop.data.archive import is_zip, read_arrays
from hotloop.data.idx import GZIP_MAGIC, is_idx, open_plain_or_gzip, read_idx
from hotloop.data.table import read_table

Array = npt.NDArray[Any]

_NPZ_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("x", "y", "x_test", "y_test"),
    ("X", "y", "X_test", "y_test"),
)


class Dataset(NamedTuple):
    """What `load` returns.

    Attributes
    ----------
    x : ndarray, shape (n, features)
        One row a sample, in the file's own type (uint8 pixels stay uint8).
    y : ndarray, shape (n,) or (n, outputs)
        int64 class numbers, or float32 where they are not whole.
    x_test, y_test : ndarray or None
        The held-out part, where the files have one.
    sample_shape : tuple of int
        Shape of one sample before it was flattened, e.g. (28, 28).
    classes : tuple of str
        The names of the classes, where a CSV's labels are words; empty otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset(np.zeros((3, 4), np.uint8), np.array([0, 1, 1]), sample_shape=(2, 2))
    >>> data.x.shape, data.x_test is None
    ((3, 4), True)
    """

    x: Array
    y: Array
    x_test: Array | None = None
    y_test: Array | None = None
    sample_shape: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()


def load(path: str | os.PathLike[str], label: str | None = None) -> Dataset:
    """Read a data set; what kind of file it is, is told by its first bytes and not by its name.

    Rows keep the file's order. Where that is sorted by class, as tables often are, take
    :func:`train_test_split`, which mixes: ``validation_split`` of ``fit`` holds out the last rows.

    Parameters
    ----------
    path : str or path-like
        One of

        - a folder with MNIST's four files under their standard names (``train-images-idx3-ubyte`` and
          so on, gzipped or not; the two ``t10k`` files may be absent),
        - one such images file, whose labels file lies beside it,
        - a CSV (comma, semicolon or tab; with a header or without; gzipped or not), the label in the
          last column or in the one called `label`,
        - a NumPy archive ``.npz`` with ``x`` and ``y``, or ``x_train`` and ``y_train``, and optionally
          ``x_test`` and ``y_test``. Pickled objects are refused.
    label : str, optional
        CSV only: the header of the label column. Default: a column called "label", else the last.

    Returns
    -------
    Dataset
        A named tuple ``(x, y, x_test, y_test, sample_shape, classes)``.

    Raises
    ------
    FileNotFoundError
        Where the file, or the labels that belong to it, is not there.
    ValueError
        Where a file is of another kind, cut off or damaged, or images and labels differ in number.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from hotloop.data import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "flowers.csv")
    ...     _ = path.write_text("width,length,label\\n1.5,2,rose\\n0.5,1,lily\\n")
    ...     data = load(path)
    >>> data.x.shape, data.y.tolist(), data.classes
    ((2, 2), [1, 0], ('lily', 'rose'))
    """
    path = Path(path)
    if path.is_dir():
        return _load_folder(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    head = _head(path)
    if not head:
        raise ValueError(f"{path}: the file is empty")
    if is_idx(head):
        x, y = read_idx(path), read_idx(_labels_beside(path))
        return _dataset(path, x, y)
    if is_zip(head):
        return _load_npz(path)
    if b"\0" in head:
        raise ValueError(
            f"{path}: expected MNIST's IDX files, a CSV or a NumPy .npz archive; "
            f"the file begins with {head[:8]!r}"
        )
    x, y, classes = read_table(path, label)
    return _dataset(path, x, y)._replace(classes=classes)


def _head(path: Path) -> bytes:
    """The first bytes, of what is inside where the file is gzipped."""
    try:
        with open_plain_or_gzip(path) as file:
            return file.read(512)
    except (EOFError, OSError) as error:
        with path.open("rb") as file:
            if file.read(2) != GZIP_MAGIC:
                raise
        raise ValueError(f"{path}: the gzip stream is cut off or damaged ({error})") from error


def _load_folder(folder: Path) -> Dataset:
    train = _find(folder, "train-images", "idx3")
    if train is None:
        raise FileNotFoundError(
            f"{folder}: expected MNIST's files in this folder, found no 'train-images-idx3-ubyte[.gz]'"
        )
    data = _dataset(train, read_idx(train), read_idx(_labels_beside(train)))
    test = _find(folder, "t10k-images", "idx3")
    if test is None:
        return data
    held_out = _dataset(test, read_idx(test), read_idx(_labels_beside(test)))
    return _with_test(folder, data, held_out)


def _with_test(path: Path, data: Dataset, held_out: Dataset) -> Dataset:
    if held_out.x.shape[1] != data.x.shape[1]:
        raise ValueError(
            f"{path}: the training samples have {data.x.shape[1]} features, "
            f"those of the test part {held_out.x.shape[1]}"
        )
    return data._replace(x_test=held_out.x, y_test=held_out.y)


def _find(folder: Path, stem: str, kind: str) -> Path | None:
    for dash in "-.":
        for ending in ("", ".gz"):
            path = folder / f"{stem}{dash}{kind}-ubyte{ending}"
            if path.is_file():
                return path
    return None


def _labels_beside(images: Path) -> Path:
    wanted = images.name.replace("images", "labels").replace("idx3", "idx1")
    candidates = [images.with_name(wanted)]
    candidates.append(
        candidates[0].with_suffix("") if wanted.endswith(".gz") else images.with_name(wanted + ".gz")
    )
    for labels in candidates:
        if wanted != images.name and labels.is_file():
            return labels
    if wanted == images.name:
        wanted = "the same name with 'labels' for 'images'"
    raise FileNotFoundError(f"{images}: an images file needs its labels beside it, under {wanted}")


def _load_npz(path: Path) -> Dataset:
    arrays = read_arrays(path)
    for x, y, x_test, y_test in _NPZ_NAMES:
        if x in arrays and y in arrays:
            data = _dataset(path, arrays[x], arrays[y])
            if x_test in arrays and y_test in arrays:
                return _with_test(path, data, _dataset(path, arrays[x_test], arrays[y_test]))
            return data
    raise ValueError(
        f"{path}: expected arrays x and y, or x_train and y_train, got {', '.join(arrays) or 'none'}"
    )


def _dataset(path: Path, x: Array, y: Array) -> Dataset:
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(
            f"{path}: expected samples of shape (n, features) or (n, height, width), got {x.shape}"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or len(y) != len(x):
        raise ValueError(
            f"{path}: expected one label for each of the {len(x)} samples, got labels of shape {y.shape}"
        )
    for name, array in (("samples", x), ("labels", y)):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{path}: expected numbers, got {name} of type {array.dtype}")
    labels = y.astype(np.int64) if y.dtype.kind in "biu" else y.astype(np.float32)
    return Dataset(np.ascontiguousarray(x.reshape(len(x), -1)), labels, sample_shape=x.shape[1:])
