"""What the numbers of a value mean in a quantised graph, and the layers around it that see to that."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hotloop.compress.calibrate import LEVELS, AffineScale, affine_scale
from hotloop.compress.grids import ColumnGrid
from hotloop.ir.graph import Op, Value
from hotloop.ir.ops.dense import numbers, scaled_inputs, scaled_outputs

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Coding:
    """``real = number * factor + offset`` by columns, where a stored byte's number is what its grid says.

    Attributes
    ----------
    grid : AffineScale or None
        None for a value that is float32 in memory.
    factor, offset : float64 array of shape (columns,), or None for 1 and 0
    slope : float64 array of shape (columns,), or None for 1
        What the layer that makes the value multiplies its sums by, on top of the factor.
    """

    grid: AffineScale | None = None
    factor: Doubles | None = None
    offset: Doubles | None = None
    slope: Doubles | None = None

    def spread(self, features: int) -> tuple[Doubles | float, Doubles | float]:
        """Factor and offset of each feature."""
        if self.factor is None or self.offset is None:
            return 1.0, 0.0
        times = features // self.factor.size
        return np.tile(self.factor, times), np.tile(self.offset, times)

    def real(self, numbers: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """The real values of rows (n, features) of numbers."""
        if self.factor is None:
            return numbers
        factor, offset = self.spread(numbers.shape[1])
        return np.asarray(numbers * factor + offset, np.float64)


@dataclass
class Codings:
    """What numbers mean in a quantised graph that are not those of the float graph, by the values of that.

    Attributes
    ----------
    read : dict of Value to Coding
        As quantised layers read the value.
    made : dict of Value to Coding
        As it comes out of the layer that makes it; the others are brought to what is read by an op between.
    stands_for : dict of Value to Value
        From the values that quantised ops make to those of the float graph.
    """

    read: dict[Value, Coding] = field(default_factory=dict)
    made: dict[Value, Coding] = field(default_factory=dict)
    stands_for: dict[Value, Value] = field(default_factory=dict)

    def real(self, value: Value, numbers: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """The real values of rows of numbers that are in the place of a value of the float graph."""
        return self.made[value].real(numbers) if value in self.made else numbers


def by_columns(grid: ColumnGrid) -> Coding:
    """What a quantize op with a scale and an offset for each column makes."""
    return Coding(AffineScale(1.0, 0), grid.scale.astype(np.float64), grid.offset.astype(np.float64))


def by_powers_of_two(grid: ColumnGrid, activation: str, alpha: float) -> Coding:
    """What a Dense can make whose columns are scaled: one grid, on which the columns have about those steps.

    Factors are powers of two, so that weights keep their bits. A linear layer's columns begin at the grid's
    0. So do others that are on one side of zero throughout: there the activation is a line, and what it does
    to numbers beyond, the end of the grid does as well.
    """
    scale, offset = grid.scale.astype(np.float64), grid.offset.astype(np.float64)
    factor = np.exp2(np.ceil(np.log2(scale / scale.max())))
    top = offset + LEVELS * scale
    below = (top <= 0) & (activation == "leaky_relu") & (alpha > 0)
    start = offset if activation == "linear" else np.where(below, offset, np.maximum(offset, 0.0))
    low = (offset - start) / factor if activation == "leaky_relu" else np.zeros(1)
    made = affine_scale(float(low.min()), float(((top - start) / factor).max()))
    return Coding(made, factor, start, np.where(below, alpha, 1.0))


def folded(op: Op, before: Coding, after: Coding) -> tuple[Doubles, Doubles | None]:
    """A Dense's kernel and bias, of numbers that mean this before it, for numbers that mean that after it."""
    kernel, bias = numbers(op)
    if before.factor is not None and before.offset is not None:
        kernel, bias = scaled_inputs(kernel, bias, before.factor, before.offset)
    elif after.factor is None and "bias" not in op.weights:
        return kernel, None
    if after.factor is not None:
        divisor, start = after.spread(kernel.shape[1])
        slope = 1.0 if after.slope is None else np.tile(after.slope, kernel.shape[1] // after.slope.size)
        kernel, bias = scaled_outputs(kernel, bias, np.asarray(slope / divisor), np.asarray(-start / divisor))
    return kernel, bias
