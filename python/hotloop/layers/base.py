"""What all layers have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hotloop import initializers, regularizers
from hotloop.core.errors import bad_type, bad_value, integer, nearest
from hotloop.core.naming import count_use, snake_case, unique_name
from hotloop.core.registry import Family
from hotloop.core.seeds import derive_seed
from hotloop.graph.given_weights import weights_for
from hotloop.graph.parameters import Parameter, ParameterStore, Shape, set_parameters
from hotloop.graph.symbolic import Node, SymbolicTensor, as_tensors
from hotloop.ir.graph import Graph, Value

MOST_FEATURES = 2**31 - 1  # what a native program counts a sample's numbers in


def as_shape(what: str, shape: Any, *, unknown: bool = False) -> Shape:
    """Return a shape without its batch axis as a tuple; -1 may stand for one size when ``unknown``."""
    if isinstance(shape, int | np.integer) and not isinstance(shape, bool):
        shape = (shape,)
    if not isinstance(shape, tuple | list):
        raise bad_type(what, "a tuple of integers without the batch axis", shape)
    lowest = -1 if unknown else 1
    sizes = tuple(integer(f"{what} {tuple(shape)}", size, at_least=lowest) for size in shape)
    if 0 in sizes or sizes.count(-1) > 1:
        raise bad_value(what, "sizes of at least 1, at most one of them -1", sizes)
    if math.prod(sizes) > MOST_FEATURES:
        raise bad_value(what, f"at most {MOST_FEATURES} numbers a sample", sizes)
    return sizes


class Layer:
    """Base of all layers: a name, weights, and how a call becomes ops.

    A subclass defines ``compute_output_shape`` and ``lower``, and ``build`` when it has weights.

    Parameters
    ----------
    name : str, optional
        Unique within a model; by default the class's name in snake case with a number.
    trainable : bool
        Whether training changes its weights; may be set at any time. The optimizer keeps its state of frozen
        weights until they learn again.
    input_shape : tuple of int, optional
        Shape of one sample, for the first layer of a :class:`~hotloop.Sequential`.
    input_dim : int, optional
        The same as ``input_shape=(input_dim,)``.

    Attributes
    ----------
    parameters : list of Parameter
        Its weights in Keras's order; empty until it is built.
    nodes : list of Node
        Its calls on symbolic tensors.
    declared_shape : tuple of int or None
        ``input_shape`` as given.
    built : bool
    has_automatic_name : bool
        Whether a model may rename it when two of its layers have one name.

    Examples
    --------
    >>> import hotloop as hl
    >>> class Double(hl.layers.Layer):
    ...     def lower(self, graph, inputs, node):
    ...         return graph.add("rescale", inputs, {"scale": 2.0, "offset": 0.0})
    >>> hl.Sequential([Double(input_shape=(2,))]).predict([[1, 2]])
    array([[2., 4.]], dtype=float32)
    """

    merges: ClassVar[bool] = False  # whether it takes several inputs
    only_reshapes: ClassVar[bool] = False  # whether its output is its input, laid out anew
    gives_any_number: ClassVar[bool] = False  # whether its activation apart any number may come out

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Any = None,
        input_dim: int | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise self._unknown_argument(next(iter(unknown)))
        if name is not None and (not isinstance(name, str) or not name):
            raise bad_type(f"{type(self).__name__}: name", "a string that is not empty", name)
        self.has_automatic_name = name is None
        self._name = unique_name(snake_case(type(self).__name__)) if name is None else name
        self.trainable = bool(trainable)
        self.declared_shape: Shape | None = None
        if input_shape is None and input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            self.declared_shape = as_shape(f"{self._label}: input_shape", input_shape)
        self.parameters: list[Parameter] = []
        self.nodes: list[Node] = []
        self.built = False
        self._built_shape: Shape | None = None

    @property
    def name(self) -> str:
        """Unique within a model."""
        return self._name

    def rename(self, name: str) -> None:
        """Give the layer and its weights another name."""
        self._name = name
        for parameter in self.parameters:
            parameter.layer_name = name

    @property
    def _label(self) -> str:
        return f"layer {self._name!r} ({type(self).__name__})"

    def _unknown_argument(self, name: str) -> TypeError:
        import inspect

        own = [vars(cls)["__init__"] for cls in type(self).__mro__ if "__init__" in vars(cls)]
        known = {key for constructor in own for key in inspect.signature(constructor).parameters}
        known -= {"self", "args", "kwargs", "unknown"}
        guess = nearest(name, known)
        hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(known))}"
        return TypeError(f"{type(self).__name__}: unknown argument {name!r}; {hint}")

    def _require_built(self) -> None:
        if not self.built:
            raise ValueError(
                f"{self._label} has no weights yet; give the model an input shape or call fit first"
            )

    # -- to be defined by layers

    def build(self, input_shape: Shape) -> None:
        """Make the weights by ``add_weights``; called once, with the shape of one sample."""

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of one sample of the output.

        Parameters
        ----------
        input_shape : tuple of int, or list of them for layers that merge
            Without the batch axis.
        """
        return tuple(input_shape)

    def lower(self, graph: Graph, inputs: Sequence[Value], node: Node) -> Value:
        """Append the ops of this layer's call to a graph and return the value that they make.

        Whether a program trains or predicts, in what precision, and which ops become one is not decided here.

        Parameters
        ----------
        graph : Graph
        inputs : sequence of Value
            The values read, in the order of ``node.inputs``.
        node : Node
            The call.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it is lowered")

    @classmethod
    def resized(cls, config: dict[str, Any], size: int) -> dict[str, Any] | None:
        """Return this layer's config for another size of the last axis of what it makes, for pruning.

        None, as here, says that the config has no such number: where the layer makes units none can go.
        """
        return None

    def learn_as_in_inference(self) -> None:
        """Compute while training what inference computes, with gradients for the weights all the same."""
        self.trainable = True

    # -- calls

    def __call__(self, inputs: Any) -> SymbolicTensor:
        """Call the layer on a symbolic tensor (a list of them for layers that merge), building it first."""
        tensors = as_tensors(f"{self._label}: inputs", inputs)
        if not self.merges and len(tensors) != 1:
            raise bad_value(
                f"{self._label}: inputs", "one tensor", f"{len(tensors)}", "merge them first, by Add"
            )
        shape: Any = [t.sample_shape for t in tensors] if self.merges else tensors[0].sample_shape
        output_shape = self.compute_output_shape(shape)
        if not self.built:
            self.build(shape)
            self.built, self._built_shape = True, shape
        elif self.parameters and shape != self._built_shape:
            expected = f"shape {(None, *(self._built_shape or ()))}, for which its weights were made"
            raise bad_value(f"{self._label}: input", expected, f"{(None, *shape)}")
        node = Node(self, tensors, output_shape, "float32")
        self.nodes.append(node)
        return node.output

    def unbuild(self) -> None:
        """Drop the weights: a model could not be built after all."""
        self.parameters = []
        self.built, self._built_shape = False, None

    def add_weights(self, *parameters: Parameter) -> None:
        """Place the weights in an arena and fill them by their initialisers, or with what a file has.

        The random numbers depend on the seed, on the layer's name, on how many layers of that name came
        before, and on the weight's name.
        """
        use = count_use(self.name)
        given = weights_for(parameters)
        ParameterStore().add(parameters)
        if given is not None:
            for parameter, array in zip(parameters, given, strict=True):
                parameter.value[...] = array
            self.parameters.extend(parameters)
            return
        for parameter in parameters:
            rng = None
            if parameter.initializer.is_random:
                rng = np.random.default_rng(derive_seed("initializer", self.name, use, parameter.name))
            parameter.value[...] = parameter.initializer(parameter.shape, rng)
            self.parameters.append(parameter)

    def make_weight(
        self,
        name: str,
        shape: Shape,
        initializer: Any,
        regularizer: Any = None,
        trainable: bool = True,
    ) -> Parameter:
        """Describe one weight for :meth:`add_weights`."""
        return Parameter(
            name,
            shape,
            layer_name=self.name,
            trainable=trainable,
            initializer=initializers.get(initializer),
            regularizer=regularizers.get(regularizer),
        )

    # -- weights

    @property
    def weights(self) -> list[Parameter]:
        """All weights in Keras's order."""
        return list(self.parameters)

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The weights that ``fit`` changes by their gradients."""
        return [p for p in self.parameters if p.trainable and self.trainable]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The others: moving averages, and all of them when the layer is not trainable."""
        return [p for p in self.parameters if not (p.trainable and self.trainable)]

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Return copies of the weights, in Keras's order and shapes."""
        return [parameter.numpy() for parameter in self.parameters]

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Overwrite all weights; nothing changes when one of them does not fit.

        Raises
        ------
        ValueError
            When the number of arrays or a shape is another one than ``get_weights`` returns.
        """
        set_parameters(self._label, self.parameters, weights)

    def count_params(self) -> int:
        """Return how many numbers its weights have."""
        return sum(parameter.size for parameter in self.parameters)

    # -- shapes, as Keras shows them: with None for the batch

    @property
    def input(self) -> SymbolicTensor | list[SymbolicTensor]:
        """The input of its first call."""
        inputs = list(self._first_node.inputs)
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> SymbolicTensor:
        """The output of its first call."""
        return self._first_node.output

    @property
    def input_shape(self) -> Any:
        """Shape of its first call's input with None for the batch; a list for layers that merge."""
        shapes = [tensor.shape for tensor in self._first_node.inputs]
        return shapes if self.merges else (shapes[0] if shapes else self.output_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of its first call's output with None for the batch."""
        return self._first_node.output.shape

    @property
    def _first_node(self) -> Node:
        if not self.nodes:
            raise ValueError(f"{self._label} was never called; it has no input and output yet")
        return self.nodes[0]

    # -- configuration

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.declared_shape is not None:
            config["input_shape"] = list(self.declared_shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """Make a layer from what :meth:`get_config` returned; its weights are new."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}{' built' if self.built else ''}>"


LAYERS: Family[Layer] = Family("layer", Layer, named=True)
