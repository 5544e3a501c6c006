"""Frozen models: weights packed once, for predicting alone, from any number of threads."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NoReturn

from hotloop import _native
from hotloop.core.errors import bad_type, integer
from hotloop.device import HOST, Host
from hotloop.device.chunks import run_forward
from hotloop.feed.arrays import Array, Predicted, output_arrays
from hotloop.graph.still import still
from hotloop.inference.nonfinite import Source, mark_nonfinite
from hotloop.inference.quantized_model import QuantizedModel
from hotloop.inference.signature import Signature
from hotloop.ir.build import native_graph
from hotloop.ir.pipelines import for_inference
from hotloop.models import Model


class Session:
    """A model with final weights; :func:`hotloop.freeze` makes it.

    :meth:`run` gives, to the bit, what the model's ``predict`` gave when it was frozen; nothing that happens
    to the model later changes it. Any number of threads may call it at once: each call has buffers of its
    own, no lock is held, and Python runs on beside it. Calls that run side by side use one thread each; a
    call that is alone uses as many as pay.

    Attributes
    ----------
    name : str
        The model's.
    precision : str
        "float32", or the quantised model's precision.
    input_names, output_names : list of str
    input_shapes, output_shapes : list of tuple of int
        Of one sample.
    native : _native.Session
    sources : list of (str, str)
        By native node: its layer, and what it computes.
    mixing : str
        The layer that mixes rows, which are never cut into chunks then; empty where none does.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(3, activation="softmax", input_shape=(4,))])
    >>> session = hl.freeze(model)
    >>> session.run(np.ones((2, 4), "float32")).shape
    (2, 3)
    """

    def __init__(
        self,
        native: _native.Session,
        signature: Signature,
        where: Host,
        sources: list[tuple[str, str]],
        mixing: str,
        marked: list[frozenset[Source]] | None,
        allow_nonfinite: bool,
    ) -> None:
        self.native = native
        self.sources, self.mixing = sources, mixing
        self.name, self.precision = signature.name, signature.precision
        self.input_names, self.input_shapes = signature.input_names, signature.input_shapes
        self.output_names, self.output_shapes = signature.output_names, signature.output_shapes
        self._signature = replace(signature, returns_dict=False)
        self._where = where
        self._run_rows = native.run_rows if where is HOST else _no_short_way
        self._allow_nonfinite = allow_nonfinite
        # With bytes inside: by output, the inputs whose NaN it has to show; for that there is the long way.
        self._marked = marked
        self._short_nonfinite = allow_nonfinite and marked is None

    def run(self, x: Any, out: Any = None) -> Predicted:
        """Predict.

        Parameters
        ----------
        x : array of shape (rows, ...), or a list or dict of them
            As for the model's ``predict``. What is quickest is a C-contiguous array of float32 or uint8.
        out : float32 array of shape (rows, ...), or a list of them for several outputs, optional
            Where results are to go: of the inputs' kind, C-contiguous, writable, and apart from them. After
            an error its contents are undefined.

        Returns
        -------
        float32 array of shape (rows, ...), or a list of them, in the order of ``output_names``, for several
            ``out``, where that was given; else CuPy's where an input is, or NumPy's.

        Raises
        ------
        ValueError, TypeError
            For inputs that ``predict`` would refuse (another shape, no rows, no numbers, NaN and infinity),
            and for an ``out`` that can't take the results.

        Examples
        --------
        >>> import numpy as np
        >>> import hotloop as hl
        >>> session = hl.freeze(hl.Sequential([hl.layers.Dense(3, input_shape=(4,))]))
        >>> out = np.empty((2, 3), "float32")
        >>> session.run(np.ones((2, 4), "float32"), out) is out
        True
        """
        result = self._run_rows(x, out, self._short_nonfinite)
        return self._run_any(x, out) if result is None else result

    __call__ = run

    def _run_any(self, x: Any, out: Any) -> Predicted:
        inputs = self.input_arrays(x)
        given = None if out is None else output_arrays(out, self.output_names, self.output_shapes, inputs)
        features = [math.prod(shape) for shape in self.output_shapes]
        outputs = run_forward(self._where, self.native.run, inputs, features, given, self.mixing)
        if self._allow_nonfinite and self._marked is not None:
            mark_nonfinite(inputs, outputs, self._marked)
        if out is not None:
            return out
        return self._signature.shaped(outputs)

    def input_arrays(self, x: Any) -> list[Array]:
        """Return the inputs as the program reads them: (rows, features), float32 or uint8."""
        return self._signature.input_arrays(x, self._allow_nonfinite, self._where)

    @property
    def device(self) -> str:
        """Where it computes, as the model did when it was frozen."""
        return self._where.name

    def __copy__(self) -> Session:
        return self  # nothing about it can change

    def __deepcopy__(self, _: dict[int, Any]) -> Session:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"session {self.name!r}: it can't be pickled; send the model, and freeze it where it arrives"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} precision={self.precision!r}>"


def _no_short_way(_x: Any, _out: Any, _allow_nonfinite: bool) -> None:
    """For a session on a GPU: there are always arrays to be brought there and back."""


def freeze(
    model: Model | QuantizedModel,
    *,
    batch_size: int = 1,
    threads: int | None = None,
    allow_nonfinite: bool | None = None,
) -> Session:
    """Make a session of a model: weights copied and packed, buffers laid out.

    Parameters
    ----------
    model : Model or QuantizedModel
        Built, which a Sequential without an input shape is only after its first data.
    batch_size : int
        How many rows a call will have, more or less: buffers for so many are made now. Other sizes work as
        well, and no result depends on it.
    threads : int, optional
        The most that a single call may use; by default what :func:`hotloop.set_num_threads` allows. With
        many threads of Python calling, one each is best.
    allow_nonfinite : bool, optional
        Whether NaN and infinity may come in; by default what the model was compiled with. With int8 all that
        is made of such a row is NaN.

    Returns
    -------
    Session

    Raises
    ------
    TypeError
        When it is no model.
    ValueError
        When it is not built, or a number is below one.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(3, input_shape=(4,))])
    >>> x = np.ones((2, 4), "float32")
    >>> bool(np.array_equal(hl.freeze(model, batch_size=2).run(x), model.predict(x)))
    True
    """
    rows = integer("batch_size", batch_size, at_least=1)
    most_threads = 0 if threads is None else integer("threads", threads, at_least=1)
    if allow_nonfinite is None:
        allow_nonfinite = bool(getattr(model, "allow_nonfinite", False))
    if not isinstance(model, Model):
        return _freeze(model, rows, most_threads, bool(allow_nonfinite))
    with still(model) as resting:
        return _freeze(resting, rows, most_threads, bool(allow_nonfinite))


def _freeze(model: Model | QuantizedModel, rows: int, most_threads: int, allow_nonfinite: bool) -> Session:
    marked = None
    if isinstance(model, Model):
        store = model._network.placed_store()
        where, graph, signature = store.backend, for_inference(model.graph), Signature.of(model)
        made = native_graph(graph, where, store.values)
    elif isinstance(model, QuantizedModel):
        where, graph, signature = model.built.backend, model.graph, model.signature
        made = native_graph(graph, where)
        marked = model.marked
    else:
        raise bad_type("freeze", "a Model or a QuantizedModel", model)
    where.require()
    native = where.native.Session(
        made.graph,
        made.numbers(graph.outputs),
        made.arena,
        signature.input_shapes,
        signature.output_shapes,
        rows,
        min(most_threads, 2**31 - 1),
    )
    return Session(native, signature, where, made.sources(), made.mixing, marked, allow_nonfinite)
