"""What a model predicts with: from data to inputs, and a program that is kept while nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hotloop.feed.arrays import Array, Floats, input_arrays, split_by_name
from hotloop.feed.frames import Columns, checked_names, column_names
from hotloop.graph.network import Network
from hotloop.graph.parameters import ParameterStore


class PredictionProgram:
    """Forward pass alone, without dropout.

    Attributes
    ----------
    built : Built
    run_rows : callable or None
        The short way; see :meth:`~hotloop.ir.build.Built.short_way`.
    """

    def __init__(self, network: Network, store: ParameterStore) -> None:
        from hotloop.ir.build import build
        from hotloop.ir.pipelines import for_inference

        self.built = build(for_inference(network.graph), store.backend, arena=store.values)
        self.store = store
        self.version = store.version
        self.run = self.built.run
        self.run_rows = rows = self.built.short_way(network.input_shapes, network.output_shapes)
        if rows and (keys := network.output_keys):
            self.run_rows = lambda *given: _keyed(keys, rows(*given))


class Predictor:
    """A network's way from data to outputs.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    columns : list of (list of names, or None), or None
        By input, the columns of frames in the order in which they are read; None while none were seen.
    program : PredictionProgram or None
        The one of the last call; see :meth:`current`.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.columns: list[Columns | None] | None = None
        self.program: PredictionProgram | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: the program is made anew when it is needed."""
        return {**vars(self), "program": None}

    def current(self) -> PredictionProgram:
        """Return the program; made anew when the weights moved."""
        with self.network.lock:
            store = self.network.placed_store()
            program = self.program
            if program is None or program.store is not store or program.version != store.version:
                program = self.program = PredictionProgram(self.network, store)
            return program

    def input_arrays(self, x: Any, allow_nonfinite: bool, label: str = "") -> list[Array]:
        """Return the inputs as programs read them: (rows, features), float32 or uint8."""
        network = self.network
        where = network.placed_store().backend
        names, shapes = network.input_names, network.input_shapes
        return input_arrays(x, names, shapes, allow_nonfinite, label, where, self.columns)

    def shaped(self, outputs: list[Floats]) -> Any:
        """Return what programs make, (rows, features) for each output, as ``predict`` does."""
        shapes = self.network.output_shapes
        return self.network.structured(
            [out.reshape(-1, *shape) for out, shape in zip(outputs, shapes, strict=True)]
        )

    def outputs(self, x: Any, allow_nonfinite: bool) -> Any:
        """Predict, whatever kind of data these are; see ``Model.predict_on_batch``."""
        return self.shaped(self.current().run(self.input_arrays(x, allow_nonfinite)))

    # -- names of columns

    @property
    def feature_names(self) -> Any:
        """See ``Model.feature_names``."""
        network = self.network
        names = self.columns or [None] * (len(network.graph.inputs) if network.built else 1)
        return names[0] if len(names) == 1 else names

    @feature_names.setter
    def feature_names(self, names: Any) -> None:
        shapes = self.network.input_shapes
        given = [names] if len(shapes) == 1 else names
        self.columns = None if names is None else checked_names(given, shapes)

    def remember_columns(self, x: Any) -> None:
        """Take the names of the columns from frames that were fed, where none are known yet."""
        if type(x) is np.ndarray:
            return
        known = self.columns or [None] * len(self.network.graph.inputs)
        given = split_by_name("x", x, self.network.input_names, self.network.input_shapes)
        names = [old or column_names(frame) for old, frame in zip(known, given, strict=True)]
        self.columns = names if any(names) else None


def _keyed(keys: list[str], result: Any) -> dict[str, Any] | None:
    return None if result is None else {keys[0]: result}
