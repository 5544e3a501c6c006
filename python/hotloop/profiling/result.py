"""What profiling returns: figures that print as a table and can be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hotloop.core.files import PathLike, path_text
from hotloop.profiling.profile_rows import StepFigures
from hotloop.profiling.report import table
from hotloop.profiling.roofline import draw


@dataclass(frozen=True)
class Profile(StepFigures):
    """Where the time of a step goes; prints as a table.

    Attributes
    ----------
    name : str
        The model's.
    kind : str
        "training" or "inference".
    batch_size : int
        Rows a step.
    threads : int
        Size of the team that was timed.
    steps : int
        How many steps the medians are over.
    step_microseconds : float
        A step while its parts are timed: the mean of a short run, the median over many runs. Slow steps count
        here, so it is a little more than the sum of the rows' medians; on a busy machine, a lot.
    unprofiled_microseconds : float
        The same without timing, in runs that alternated with the others; for inference a call of the program
        with these rows, so what a call costs beside its ops is in it.
    rows : tuple of ProfileRow
        In the order in which they run.
    peaks : Peaks
        The machine's limits that the percentages refer to.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(3, activation="softmax", input_shape=(4,))])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> x, y = np.ones((32, 4), "float32"), np.arange(32) % 3
    >>> profile = hl.profile(model, x, y, seconds=0.01)
    >>> [row.phase for row in profile.rows]
    ['gather', 'forward', 'loss', 'backward', 'update']
    """

    def plot(self, path: PathLike | None = None) -> Any:
        """Draw the roofline: each op at its operations a byte and a second, under the machine's limits.

        Parameters
        ----------
        path : str or path-like, optional
            Where to save the picture; the ending says the format (.png, .svg, .pdf).

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        OSError
            When the file can't be written.
        """
        return draw(self, None if path is None else path_text(path))

    def __str__(self) -> str:
        return table(self)
