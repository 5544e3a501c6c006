"""Some rows of a stream, evenly spread over it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

SAMPLE_NUMBERS = 1 << 19  # of all columns together
SAMPLE_ROWS = 2048


class RowSample:
    """Keeps each n-th row, n doubling whenever they become too many.

    Attributes
    ----------
    rows : float32 array of shape (count, columns)
    """

    def __init__(self, columns: int) -> None:
        self._most = max(16, min(SAMPLE_ROWS, SAMPLE_NUMBERS // columns))
        self._every = 1
        self._seen = 0
        self.rows: Float32 = np.empty((0, columns), np.float32)

    def update(self, *parts: Float32) -> None:
        """Take in rows (n, columns), whole or in parts that stand side by side."""
        count = len(parts[0])
        first = -self._seen % self._every
        if first < count:
            self.rows = np.concatenate([self.rows, np.hstack([part[first :: self._every] for part in parts])])
        while len(self.rows) > self._most:
            self.rows = self.rows[::2].copy()
            self._every *= 2
        self._seen += count
