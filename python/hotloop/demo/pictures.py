"""The demo's picture: learning curves, and a few held-out samples with what the int8 model says of them."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.core.files import replace_file

_COLUMNS, _ROWS = 10, 2


def available() -> bool:
    """Whether matplotlib is installed; it is imported only when a picture is drawn."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def draw(
    path: Path,
    histories: dict[str, dict[str, list[float]]],
    samples: npt.NDArray[Any],
    sample_shape: tuple[int, ...],
    truth: list[str],
    predicted: list[str],
) -> None:
    """Draw curves and samples into one PNG.

    Parameters
    ----------
    path : Path
        Where the PNG goes.
    histories : dict
        By stage (such as "training", "retraining"): Keras's history, a list a metric.
    samples : ndarray, shape (n, features)
        Shown as pictures where they are square.
    sample_shape : tuple of int
        A sample's shape before it was flattened, where known.
    truth, predicted : list of str
        The samples' names; a wrong prediction stands in red.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shape = picture_shape(sample_shape, samples.shape[1])
    figure: Any = Figure(figsize=(11, 7 if shape else 4), layout="constrained")
    FigureCanvasAgg(figure)
    top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2)) if shape else (figure, None)
    for axes, metric in zip(top.subplots(1, 2), ("loss", "accuracy"), strict=True):
        _curves(axes, histories, metric)
    if shape and bottom is not None:
        grid = bottom.subplots(_ROWS, _COLUMNS).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, sample, true, guess in zip(grid, samples, truth, predicted, strict=False):
            axes.imshow(sample.reshape(shape), cmap="gray_r")
            right = true == guess
            axes.set_title(
                guess if right else f"{guess} (is {true})", color="black" if right else "red", fontsize=10
            )
    png = io.BytesIO()
    figure.savefig(png, dpi=100, format="png")
    replace_file(str(path), png.getvalue())


def picture_shape(sample_shape: tuple[int, ...], features: int) -> tuple[int, int] | None:
    """Height and width of a sample, or None where it is no picture."""
    if len(sample_shape) == 2:
        return sample_shape[0], sample_shape[1]
    side = math.isqrt(features)
    return (side, side) if side * side == features and side >= 8 else None


def samples_to_show(truth: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Positions of twenty samples: up to five that are wrong, then the first right ones."""
    wrong, right = np.flatnonzero(truth != predicted), np.flatnonzero(truth == predicted)
    picked = np.concatenate([wrong[:5], right])[: _ROWS * _COLUMNS]
    return picked if len(picked) == _ROWS * _COLUMNS else np.concatenate([wrong, right])[: _ROWS * _COLUMNS]


def _curves(axes: Any, histories: dict[str, dict[str, list[float]]], metric: str) -> None:
    start = 1
    for colour, (stage, history) in enumerate(histories.items()):
        values = history[metric]
        epochs = range(start, start + len(values))
        axes.plot(epochs, values, color=f"C{colour}", label=stage)
        if f"val_{metric}" in history:
            axes.plot(
                epochs,
                history[f"val_{metric}"],
                color=f"C{colour}",
                linestyle="--",
                label=f"{stage}, held out",
            )
        start += len(values)
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    axes.legend()
