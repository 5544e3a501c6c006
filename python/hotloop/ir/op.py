"""Values and ops: what a graph consists of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from hotloop.graph.parameters import Parameter, Shape
from hotloop.ir.order import Linked

Array = npt.NDArray[Any]
Attribute = int | float | str | tuple[int, ...] | tuple[float, ...]
Attributes = dict[str, Attribute]
# Two kinds that no native op runs. A reshape looks at the same numbers otherwise, which costs nothing; of a
# loss, which reads an output and makes nothing, its attributes are what Program.set_loss is told.
RESHAPE = "reshape"
LOSS = "loss"
# A small program over numbers at one place, which several passes join, differentiate and let add up.
ELEMENTWISE = "elementwise"

_OF_LOSS = "loss "


def loss_layer(name: str) -> str:
    """What stands for a layer where ops are those of a loss."""
    return _OF_LOSS + name


def layer_text(layer: str) -> str:
    """How messages call the layer, or loss, that an op belongs to.

    >>> layer_text("dense"), layer_text(loss_layer("focal"))
    ("layer 'dense'", "loss 'focal'")
    """
    return f"loss {layer.removeprefix(_OF_LOSS)!r}" if layer.startswith(_OF_LOSS) else f"layer {layer!r}"


class Value:
    """What an op makes or a graph is given: an array of one type, a batch of samples or without a batch axis.

    A value is known by its identity and never changes, so copies of a graph share their values.

    Parameters
    ----------
    shape : tuple of int
        Of one sample; of the whole array where it has no batch axis.
    dtype : str
        As NumPy names it.
    name : str
        For people: that of an input.
    batched : bool
        Whether there is a batch axis in front of the shape.
    """

    __slots__ = ("batched", "dtype", "name", "shape")

    def __init__(
        self, shape: Sequence[int], dtype: str = "float32", name: str = "", batched: bool = True
    ) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.batched = batched

    @property
    def features(self) -> int:
        """Numbers a sample: the product of its shape."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        sizes = ", ".join(map(str, self.shape))
        return f"{self.dtype}({sizes})" if self.batched else f"{self.dtype}[{sizes}]"


class Op(Linked):
    """One step of a graph: what it reads, how, and the values it makes.

    What it reads and makes changes through the graph that it stands in, which keeps account of it;
    attributes, weights and constants may be written at any time.

    Parameters
    ----------
    kind : str
        The op's name, for most kinds that of the native one.
    inputs, outputs : sequence of Value
    attributes : dict
    weights : dict of str to Parameter or float32 array
        Numbers that lie in the arena: a model's live ones, or arrays of a graph that is frozen.
    constants : dict of str to ndarray
        Numbers that are the op's own: packed int8 weights, the code of a small program.
    layer : str
        The name of the layer that it comes from.
    """

    __slots__ = ("attributes", "constants", "inputs", "kind", "layer", "outputs", "weights")

    def __init__(
        self,
        kind: str,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        attributes: Mapping[str, Attribute] | None = None,
        weights: Mapping[str, Parameter | Array | None] | None = None,
        constants: Mapping[str, Array] | None = None,
        layer: str = "",
    ) -> None:
        super().__init__()
        self.kind = kind
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.attributes: Attributes = {**attributes} if attributes else {}
        self.weights: dict[str, Any] = {}
        if weights:
            self.weights = {name: weight for name, weight in weights.items() if weight is not None}
        self.constants: dict[str, Array] = {**constants} if constants else {}
        self.layer = layer

    @property
    def input(self) -> Value:
        """The first value that it reads."""
        return self.inputs[0]

    @property
    def output(self) -> Value:
        """The first value that it makes."""
        return self.outputs[0]

    def integer(self, key: str) -> int:
        """Return an attribute that has to be an integer; TypeError or KeyError where it isn't."""
        value = self.attributes[key]
        if not isinstance(value, int):
            raise TypeError(f"{self!r}: attribute {key!r}: expected an integer, got {value!r}")
        return value

    def number(self, key: str, usual: float = 0.0) -> float:
        """Return an attribute that has to be a number, or what it usually is where it is not given."""
        value = self.attributes.get(key, usual)
        if not isinstance(value, int | float):
            raise TypeError(f"{self!r}: attribute {key!r}: expected a number, got {value!r}")
        return float(value)

    def parts(self) -> tuple[Any, ...]:
        """The arguments of which another op like this can be made."""
        return self.kind, self.inputs, self.outputs, self.attributes, self.weights, self.constants, self.layer

    def __repr__(self) -> str:
        return f"<Op {self.kind} of layer {self.layer!r}>"


def layers_of(*ops: Op) -> str:
    """The names of the layers that ops come from, each once, as an op says that does the work of them all.

    Examples
    --------
    >>> layers_of(Op("exp", [], [], layer="a"), Op("log", [], [], layer="b"), Op("exp", [], [], layer="a"))
    'a + b'
    """
    return " + ".join(dict.fromkeys(name for op in ops for name in op.layer.split(" + ") if name))
