"""What goes into a frozen model and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hotloop.device import Host
from hotloop.feed.arrays import Array, Floats, input_arrays
from hotloop.feed.frames import Columns, checked_names
from hotloop.graph.parameters import Shape

if TYPE_CHECKING:
    from hotloop.models import Model


@dataclass
class Signature:
    """Names, and shapes of one sample.

    Attributes
    ----------
    name, precision : str
        The model's.
    input_names, output_names : list of str
    input_shapes, output_shapes : list of tuple of int
    returns_dict : bool
        Whether outputs come as a dict by their names.
    columns : list of (list of names, or None), or None
        By input, the columns of frames in the order in which they are read.
    """

    name: str
    precision: str
    input_names: list[str]
    input_shapes: list[Shape]
    output_names: list[str]
    output_shapes: list[Shape]
    returns_dict: bool = False
    columns: list[Columns | None] | None = None

    @classmethod
    def of(cls, model: Model, precision: str = "float32") -> Signature:
        """Return that of a model."""
        network = model._network
        inputs, outputs = network.input_names, network.output_names
        shapes = network.input_shapes, network.output_shapes
        keyed, columns = network.output_keys is not None, model._predictor.columns
        return cls(model.name, precision, inputs, shapes[0], outputs, shapes[1], keyed, columns)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Signature:
        """Make it from what :meth:`get_config` returned; ValueError or KeyError where that is none."""
        names = [list(map(str, config[f"{end}_names"])) for end in ("input", "output")]
        shapes = [[tuple(map(int, s)) for s in config[f"{end}_shapes"]] for end in ("input", "output")]
        if list(map(len, names)) != list(map(len, shapes)):
            raise ValueError(f"expected a shape for each of {names}, got {shapes}")
        ends = names[0], shapes[0], names[1], shapes[1]
        given = config.get("feature_names")  # files of before had neither this nor "returns_dict"
        columns = None if given is None else checked_names(given, shapes[0])
        returns_dict = bool(config.get("returns_dict", False))
        return cls(str(config["name"]), str(config["precision"]), *ends, returns_dict, columns)

    def get_config(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "precision": self.precision,
            "input_names": self.input_names,
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_names": self.output_names,
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "returns_dict": self.returns_dict,
            "feature_names": self.columns,
        }

    def input_arrays(self, x: Any, allow_nonfinite: bool, where: Host) -> list[Array]:
        """Return the inputs as a program there reads them: (rows, features), float32 or uint8."""
        names, shapes = self.input_names, self.input_shapes
        return input_arrays(x, names, shapes, allow_nonfinite, where=where, columns=self.columns)

    def shaped(self, outputs: Sequence[Floats]) -> Any:
        """Return what a program makes, (rows, features) for each output, as the model returns it."""
        arrays = [out.reshape(-1, *shape) for out, shape in zip(outputs, self.output_shapes, strict=True)]
        if self.returns_dict:
            return dict(zip(self.output_names, arrays, strict=True))
        return arrays[0] if len(arrays) == 1 else arrays
