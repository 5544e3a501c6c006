"""CSV files: numbers in every column but the label's, which may hold words."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.data.idx import open_plain_or_gzip

Array = npt.NDArray[Any]


def read_table(path: Path, label: str | None) -> tuple[Array, Array, tuple[str, ...]]:
    """Samples as float32 (n, columns - 1), labels, and the names of the classes where labels are words."""
    try:
        first_lines = list(itertools.islice(_lines(path), 2))
        if not first_lines:
            raise ValueError("the file has no lines")
        first = first_lines[0]
        delimiter = max(",;\t", key=first.count)
        names = [cell.strip().strip('"') for cell in first.split(delimiter)]
        if len(names) < 2:
            raise ValueError(
                f"expected at least two columns (comma, semicolon or tab between them), got {first[:60]!r}"
            )
        has_header = len(first_lines) > 1 and not any(_is_number(name) for name in names)
        column = _label_column(names if has_header else None, len(names), label)
        features = [i for i in range(len(names)) if i != column]
        x = _columns(path, delimiter, int(has_header), len(names), features, np.float32)
        words = _columns(path, delimiter, int(has_header), len(names), [column], str)[:, 0]
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected a CSV of numbers with a label column: {error}") from error
    y, classes = _labels(words)
    return x, y, classes


def _lines(path: Path) -> Iterator[str]:
    """The lines that are not blank."""
    with open_plain_or_gzip(path) as file:
        for number, line in enumerate(file):
            text = line.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\r\n")
            if text.strip():
                yield text


def _rows(path: Path, delimiter: str, skip: int, columns: int) -> Iterator[str]:
    # loadtxt with usecols would let a longer row pass.
    for number, line in enumerate(itertools.islice(_lines(path), skip, None), start=skip + 1):
        if '"' not in line and line.count(delimiter) != columns - 1:
            raise ValueError(f"row {number} has {line.count(delimiter) + 1} columns, the first one {columns}")
        yield line


def _columns(path: Path, delimiter: str, skip: int, columns: int, wanted: list[int], dtype: Any) -> Array:
    lines = _rows(path, delimiter, skip, columns)
    return np.loadtxt(
        lines, dtype=dtype, delimiter=delimiter, comments=None, quotechar='"', usecols=wanted, ndmin=2
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(names: list[str] | None, columns: int, label: str | None) -> int:
    if names is None:
        if label is not None:
            raise ValueError(f"label={label!r} names a column, but the file has no header line")
        return columns - 1
    if label is None:
        return names.index("label") if "label" in names else columns - 1
    if label not in names:
        raise ValueError(f"no column is called {label!r}; the header has {', '.join(names[:12])}")
    return names.index(label)


def _labels(words: Array) -> tuple[Array, tuple[str, ...]]:
    try:
        numbers = words.astype(np.float64)
    except ValueError:
        classes, y = np.unique(np.char.strip(words), return_inverse=True)
        return y.astype(np.int64), tuple(str(name) for name in classes)
    if np.isfinite(numbers).all() and (numbers == np.round(numbers)).all():
        return numbers.astype(np.int64), ()
    return numbers, ()
