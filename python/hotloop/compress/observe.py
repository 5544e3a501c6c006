"""Calibration: what the values that int8 layers read look like while the float graph runs over data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.calibrate import AffineScale, Observer, make_observer
from hotloop.compress.columns import ColumnObserver, Doubles
from hotloop.core.errors import bad_value
from hotloop.device import Host, backend, to_host
from hotloop.feed.arrays import as_array, input_array, require_same_rows, split_by_name
from hotloop.feed.frames import column_names
from hotloop.ir.build import build
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.ops import product_of

if TYPE_CHECKING:
    from hotloop.models import Model

Array = npt.NDArray[Any]


class CalibrationData:
    """Rows of a model's inputs, checked, in chunks of `batch_size`; can be gone through again.

    Attributes
    ----------
    rows, batch_size : int

    Raises
    ------
    ValueError, TypeError
        For data that `predict` would refuse.
    """

    def __init__(self, model: Model, data: Any, batch_size: int) -> None:
        names = [tensor.layer.name for tensor in model.graph.inputs]
        self._shapes = [tensor.sample_shape for tensor in model.graph.inputs]
        given = split_by_name("calibration_data", data, names, self._shapes)
        columns = model._predictor.columns or [None] * len(names)
        self._columns = [known or column_names(each) for known, each in zip(columns, given, strict=True)]
        self._arrays = {
            f"calibration_data {name!r}": as_array(f"calibration_data {name!r}", array, known)
            for name, array, known in zip(names, given, columns, strict=True)
        }
        self._where = backend(model.device)
        self.batch_size = batch_size
        self.rows = require_same_rows(self._arrays)
        if self.rows == 0:
            raise bad_value("calibration_data", "at least one row", "none")

    def __iter__(self) -> Iterator[list[Array]]:
        for first in range(0, self.rows, self.batch_size):
            chunk = []
            for (what, array), shape, columns in zip(
                self._arrays.items(), self._shapes, self._columns, strict=True
            ):
                part = array[first : first + self.batch_size]
                part = to_host(input_array(what, part, shape, True, self._where))
                if part.dtype == np.float32 and not np.isfinite(part).all():
                    column = int(np.argwhere(~np.isfinite(part))[0][1])
                    named = what if columns is None else f"{what}: column {columns[column]!r}"
                    raise bad_value(named, "finite numbers", "NaN or infinity", "clean the data")
                chunk.append(part)
            yield chunk


@dataclass
class Seen:
    """What was seen of a value.

    Attributes
    ----------
    columns : ColumnObserver
    ranges : (low, high), float64 arrays of shape (columns,)
        What each column's grid should cover.
    plain : AffineScale
        The grid for all columns.
    mean : float64 array of shape (columns,)
        The usual one.
    """

    columns: ColumnObserver
    ranges: tuple[Doubles, Doubles]
    plain: AffineScale
    mean: Doubles


def observe(
    graph: Graph,
    periods: Mapping[Value, int],
    data: CalibrationData,
    calibration: str,
    percentile: float,
    where: Host,
) -> dict[Value, Seen]:
    """Run a float graph over the data, and see the values that have so many columns.

    Raises
    ------
    ValueError
        When a value is NaN or infinite.
    """
    pooled: dict[Value, Observer] = {value: make_observer(calibration, percentile) for value in periods}
    columns = {value: ColumnObserver(period, calibration, percentile) for value, period in periods.items()}

    def see(value: Value, array: Array) -> None:
        pooled[value].update(array)
        columns[value].update(array)

    inner = [value for value in periods if graph.producer(value) is not None]
    program = build(graph, where, inner) if inner else None
    for chunk in data:
        for value, array in zip(graph.inputs, chunk, strict=True):
            if value in periods:
                see(value, np.asarray(array, np.float32))
        for value, array in zip(inner, program.run(chunk) if program else [], strict=True):
            if not np.isfinite(array).all():
                raise bad_value("calibration", "finite activations", "NaN or infinity inside the model")
            see(value, array)
    return {
        value: Seen(each, each.ranges(), pooled[value].scale(), each.usual_mean())
        for value, each in columns.items()
    }


def column_periods(graph: Graph, targets: Sequence[Op]) -> dict[Value, int]:
    """How many columns each value has that a target reads: as many as fit its readers' and its maker's axes.

    A layer that reads a Flatten's output has a row of weights for each position and column; another that
    reads the same value by its last axis shares one among the positions.
    """
    periods: dict[Value, int] = {}
    for op in targets:
        value = op.input
        maker = graph.producer(value)
        product, reads = product_of(maker), product_of(op)
        assert reads is not None
        axis = product.columns_made(maker) if maker and product else 0
        periods[value] = math.gcd(periods.get(value, axis), reads.columns_read(op))
    return periods
