"""Where a model begins."""

from __future__ import annotations

from typing import Any

from hotloop.core.errors import unknown_name
from hotloop.graph.parameters import Shape
from hotloop.graph.symbolic import Node, SymbolicTensor
from hotloop.ops.layer import LAYERS, Layer, as_shape

INPUT_DTYPES = ("float32", "uint8")


@LAYERS.register
class InputLayer(Layer):
    """The layer behind :func:`Input`.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    dtype : str
        "float32" or "uint8"; a remark for the reader, every model takes both.
    name : str, optional
        The key of this input when ``fit`` is given a dict.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.layers.InputLayer((28, 28), dtype="uint8", name="pixels").get_config()
    {'name': 'pixels', 'shape': [28, 28], 'dtype': 'uint8'}
    """

    def __init__(
        self, shape: Any, *, dtype: str | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.shape = as_shape(f"{self._label}: shape", shape)
        self.dtype = dtype or "float32"
        if self.dtype not in INPUT_DTYPES:
            raise unknown_name(f"dtype of {self._label}", dtype, INPUT_DTYPES)
        self.built = True
        node = Node(self, (), self.shape, "float32")
        self.nodes.append(node)

    def __call__(
        self, inputs: Any = None, *others: Any, training: Any = None, mask: Any = None
    ) -> SymbolicTensor:
        """Return its tensor; an input layer reads nothing."""
        if inputs is not None:
            raise TypeError(f"{self._label} takes no inputs")
        return self.nodes[0].output

    def compute_output_shape(self, input_shape: Any = None) -> Shape:
        return self.shape

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    *,
    batch_shape: Any = None,
    name: str | None = None,
) -> SymbolicTensor:
    """Begin a model.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample, without the batch axis.
    batch_size : int, optional
        Accepted as in Keras and not needed: every batch size works.
    dtype : str, optional
        "float32" (default) or "uint8".
    name : str, optional
        The key of this input when data come as a dict.
    batch_shape : tuple, optional
        The shape with the batch axis in front, instead of ``shape``.

    Returns
    -------
    SymbolicTensor
        To be given to a layer, to :class:`~hotloop.Sequential` or to :class:`~hotloop.Model`.

    Examples
    --------
    >>> import hotloop as hl
    >>> x = hl.Input((784,))
    >>> model = hl.Model(x, hl.layers.Dense(10)(x))
    >>> model.output_shape
    (None, 10)
    """
    if shape is None and batch_shape is not None:
        shape = tuple(batch_shape)[1:]
    if shape is None:
        raise ValueError("Input: expected shape, the shape of one sample without the batch axis, got none")
    return InputLayer(shape, dtype=dtype, name=name).nodes[0].output
