"""A Python function as a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hotloop.core.custom_objects import function_of, name_or_itself
from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.symbolic import SymbolicTensor
from hotloop.ops.flags import flags_of
from hotloop.ops.layer import LAYERS, Layer, as_shape


@LAYERS.register
class Lambda(Layer):
    """Apply a function that is written with :mod:`hotloop.ops`.

    It is called once for each call of the layer, with a symbolic tensor, and what it did becomes ops of the
    model: no Python runs while the model trains or predicts. What a function may change meanwhile says
    :meth:`Layer.call <hotloop.layers.Layer.call>`.

    Parameters
    ----------
    function : callable
        Takes a symbolic tensor, or a list of them where the layer is called with several, and returns one. It
        may take ``training`` and ``mask``, as :meth:`hotloop.layers.Layer.call` may. A
        model is saved with it when :func:`hotloop.saving.register_serializable` has it.
    output_shape : tuple of int, optional
        What the shape of one sample is expected to be; found out otherwise.
    mask : None
        There are no masks yet.
    arguments : dict, optional
        Keyword arguments for the function.
    name, trainable, input_shape, input_dim
        See :class:`~hotloop.layers.Layer`.

    Raises
    ------
    TypeError, ValueError
        When it is called: where the function looks at numbers, uses NumPy on a tensor, returns no tensor, or
        uses weights, which a subclass of :class:`~hotloop.layers.Layer` has.

    Examples
    --------
    >>> import hotloop as hl
    >>> center = hl.layers.Lambda(lambda x: x - hl.ops.mean(x, axis=-1, keepdims=True), input_shape=(3,))
    >>> hl.Sequential([center]).predict([[1, 2, 6]])
    array([[-2., -1.,  3.]], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mask is not None:
            raise bad_value(f"{self._label}: mask", "None", mask)
        if not callable(function) or isinstance(function, type):
            raise bad_type(f"{self._label}: function", "a function", function)
        self.function = function
        self.expected_shape = None if output_shape is None else as_shape("Lambda: output_shape", output_shape)
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any, **flags: Any) -> SymbolicTensor:
        made: SymbolicTensor = self.function(inputs, **self.arguments, **flags)
        if self.expected_shape is not None and getattr(made, "sample_shape", None) != self.expected_shape:
            expected = f"output_shape {self.expected_shape} of its function"
            raise bad_value(self._label, expected, getattr(made, "sample_shape", type(made).__name__))
        return made

    def call_flags(self) -> tuple[str, ...]:
        return tuple(name for name in flags_of(self.function) if name not in self.arguments)

    def get_config(self) -> dict[str, Any]:
        shape = None if self.expected_shape is None else list(self.expected_shape)
        own = {
            "function": name_or_itself(self.function),
            "output_shape": shape,
            "arguments": self.arguments,
        }
        return super().get_config() | own

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Lambda:
        """Make a layer from what :meth:`get_config` returned; its function is found by its name."""
        return cls(**{**config, "function": function_of("Lambda: function", config["function"])})
