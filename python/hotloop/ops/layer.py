"""What all layers have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hotloop.core.derived import Derived
from hotloop.core.errors import bad_type, bad_value, integer, nearest
from hotloop.core.naming import snake_case, unique_name
from hotloop.core.registry import Family
from hotloop.graph.parameters import Parameter, Shape
from hotloop.graph.symbolic import Node, SymbolicTensor, as_tensors
from hotloop.graph.tracing import not_tracing
from hotloop.ops.called import Called
from hotloop.ops.parts import find_parts
from hotloop.ops.weighted import Weighted

if TYPE_CHECKING:
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


class Layer(Derived, Weighted, Called):
    """Base of all layers: a name, weights, and how a call becomes ops.

    A subclass defines ``call``, which computes by :mod:`hotloop.ops`, and ``build`` when it has weights; they
    are made by :meth:`add_weight`. Layers and models that are attributes, or in lists, tuples and dicts that
    are, are parts of it, whose weights are its own too; sets and other objects are not looked into.
    (Instead of ``call``, ``compute_output_shape`` and ``lower`` append native ops themselves.)

    A model with it is saved when :func:`hotloop.saving.register_serializable` has the class. Where arguments
    of ``__init__`` are no JSON values the class defines ``get_config``, which returns them so:
    ``{**super().get_config(), "units": self.units}``; else what they were given as is recorded.

    Parameters
    ----------
    name : str, optional
        Unique within a model; by default the class's name in snake case with a number, or of a part, which no
        graph has apart from that of its layer, its path.
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
    >>> class Scale(hl.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, inputs):
    ...         return 2.0 * self.factor * inputs
    >>> hl.Sequential([Scale(input_shape=(2,))]).predict([[1, 2]])
    array([[2., 4.]], dtype=float32)
    """

    _kind = "layer"
    _tells_arguments = True
    _not_there: ClassVar[dict[str, str]] = {
        "add_loss": "regularizer= of add_weight adds what depends on weights, a loss of compile what "
        "depends on an output, which a model may have several of",
        "add_metric": "metrics of compile are of outputs, which a model may have several of",
    }
    _is_itself_alone = True
    _made_at_first: ClassVar[dict[str, type]] = {
        "_name": str,
        "parameters": list,
        "nodes": list,
        "built": object,
        "trainable": object,
        "has_automatic_name": object,
        "declared_shape": object,
        "_use": object,
    }
    merges: ClassVar[bool] = False  # whether it takes several inputs
    only_reshapes: ClassVar[bool] = False  # whether its output is its input, laid out anew
    _path: str | None = None  # where it is a part
    _owner: Layer | None = None  # the layer that it is a part of, and that gives it its path
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
        self._name = unique_name(self.automatic_prefix) if name is None else name
        self.has_automatic_name = name is None
        self.trainable = bool(trainable)
        self.declared_shape: Shape | None = None
        if input_shape is None and input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            self.declared_shape = as_shape(f"{self._label}: input_shape", input_shape)
        self.parameters: list[Parameter] = []
        self.nodes: list[Node] = []
        self.built = False
        self.shape_built_for: Any = None
        self._use: int | None = None

    @property
    def name(self) -> str:
        """Unique within a model."""
        return self._name

    @property
    def path(self) -> str:
        """Where its weights' names begin: its name, of a part the path of its layer and the attribute's."""
        return self._path or self._name

    def rename(self, name: str) -> None:
        """Give the layer another name, and so its weights and its parts."""
        self._name, self._path = name, None
        self._tell_path()

    def _place(self, path: str) -> None:
        """Let it be a part of another layer. It is called by its path unless the user named it."""
        self._path = path
        if self.has_automatic_name:
            self._name = path
        self._tell_path()

    def _tell_path(self) -> None:
        for parameter in self.own_parameters:
            parameter.layer_name = self.path
        for key, part in self.parts.items():
            if part._owner is self:
                part._place(f"{self.path}/{key}")

    @property
    def automatic_prefix(self) -> str:
        """What automatic names begin with."""
        return snake_case(type(self).__name__)

    @property
    def parts(self) -> dict[str, Layer]:
        """The layers among its attributes, in lists, tuples and dicts of them, and in models, by the
        attribute's name and the numbers and keys behind it."""
        return find_parts(self)

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

    def build(self, input_shape: Any) -> None:
        """Make the weights; called once, before the first call.

        Parameters
        ----------
        input_shape : tuple of int, or list of them
            Of the input, as Keras has it: with None for the batch. A layer that defines ``lower`` instead of
            ``call`` is given the shape of one sample.
        """

    def call(self, inputs: Any) -> SymbolicTensor:
        """Compute the output; called with symbolic tensors, once for each call of the layer.

        What it would keep in attributes, in variables of functions round it, and in lists, dicts and sets in
        these is refused. What it changes in arrays, in other objects and in variables of modules is not
        noticed, and happens once, not in every step.

        Parameters
        ----------
        inputs : SymbolicTensor, or a list of them
            As the layer was called.

        Returns
        -------
        SymbolicTensor
        """
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def call_flags(self) -> tuple[str, ...]:
        """Which of ``training`` and ``mask`` its ``call`` takes."""
        from hotloop.ops.flags import flags_of

        return flags_of(self.call)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of one sample of the output.

        Parameters
        ----------
        input_shape : tuple of int, or list of them for layers that merge
            Without the batch axis.
        """
        return tuple(input_shape)

    def mixes_rows(self, output_shape: Shape) -> bool:
        """Whether a row of the output depends on other rows of the batch, in inference."""
        return False

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
        subgraph = getattr(node, "subgraph", None)  # of a TracedNode
        if subgraph is not None:
            made: Value = subgraph.lower(graph, inputs)[0]
            return made
        raise NotImplementedError(f"{type(self).__name__} has neither call nor lower")

    def require_unchanged(self, what: str) -> None:
        """Refuse a layer with a function that does something else by now than what was traced of it.

        Calls of a layer that has ``call`` look after themselves.

        Parameters
        ----------
        what : str
            What messages begin with.
        """

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

    def __call__(self, inputs: Any, *others: Any, training: Any = None, mask: Any = None) -> SymbolicTensor:
        """Call the layer on a symbolic tensor (a list of them for layers that merge), building it first.

        A ``call`` that takes ``training`` may hand it on; else that and ``mask`` are None.
        """
        if others:
            mend = "several tensors come as a list"
            raise bad_value(f"{self._label}: inputs", "one argument", f"{1 + len(others)} of them", mend)
        if training is not None or mask is not None:
            from hotloop.ops.flags import require_flags

            require_flags(self._label, training, mask)
        tensors = as_tensors(f"{self._label}: inputs", inputs)
        if type(self).call is not Layer.call:
            from hotloop.ops.traced_call import call_traced  # which layers of the package do without

            return call_traced(self, tensors).output
        for tensor in tensors:
            if not tensor.batched:
                mend = "layers work on rows; use functions of hotloop.ops on it"
                raise bad_value(
                    f"{self._label}: inputs", "tensors with a batch", f"shape {tensor.shape}", mend
                )
        if not self.merges and len(tensors) != 1:
            raise bad_value(
                f"{self._label}: inputs", "one tensor", f"{len(tensors)}", "merge them first, by Add"
            )
        shape: Any = [t.sample_shape for t in tensors] if self.merges else tensors[0].sample_shape
        output_shape = self.compute_output_shape(shape)
        before = self._building
        try:
            if not self.built:
                self.build_for(shape)
            elif self.parameters and shape != self.shape_built_for:
                expected = f"shape {(None, *(self.shape_built_for or ()))}, for which its weights were made"
                raise bad_value(f"{self._label}: input", expected, f"{(None, *shape)}")
            node = Node(self, tensors, output_shape, "float32", mixes_rows=self.mixes_rows(output_shape))
        except BaseException:
            self._building = before
            raise
        self.nodes.append(node)
        return node.output

    @property
    def _building(self) -> tuple[Any, ...]:
        """How far it is built, to be set to an earlier state when something went wrong."""
        return self.built, self.shape_built_for, self._use, len(self.parameters)

    @_building.setter
    def _building(self, before: tuple[Any, ...]) -> None:
        self.built, self.shape_built_for, self._use, weights = before
        del self.parameters[weights:]

    def build_for(self, shape: Any) -> None:
        """Make the weights, which are for inputs of this shape from here on."""
        with not_tracing():
            self.build(shape)
        self.built, self.shape_built_for = True, shape

    def adopt_parts(self) -> None:
        """Count the weights of the layers among its attributes as its own."""
        own, parts = self.own_parameters, self.parts.values()
        theirs = dict.fromkeys(parameter for part in parts for parameter in part.parameters)
        self._adopted = [parameter for parameter in theirs if parameter not in set(own)]
        self.parameters = [*own, *self._adopted]

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


LAYERS: Family[Layer] = Family("layer", Layer)
