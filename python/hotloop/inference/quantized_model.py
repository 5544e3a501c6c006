"""Frozen models: what quantisation returns. They predict and are measured; they don't learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

from hotloop.core.errors import integer
from hotloop.core.files import PathLike, refuse_overwriting
from hotloop.device import Host, backend, to_host
from hotloop.feed.arrays import Array, Predicted, as_array, require_same_rows, split_by_name
from hotloop.feed.targets import sample_weights
from hotloop.inference.logits import WithLogits, total_loss
from hotloop.inference.nonfinite import mark_nonfinite, sources_of_outputs
from hotloop.inference.quantization_report import QuantizationReport
from hotloop.inference.signature import Signature
from hotloop.ir.build import build
from hotloop.ir.config import graph_config
from hotloop.ir.graph import Graph
from hotloop.ir.ops import record_of
from hotloop.ir.weights import tensors
from hotloop.saving.container import write_container
from hotloop.saving.registered import require_savable
from hotloop.training.compile_spec import CompileSpec
from hotloop.training.heads import batch_rows, compute_metrics
from hotloop.training.record import DEFAULT_BATCH_SIZE

KIND = "quantized_model"


class QuantizedModel:
    """A frozen model with int8 or bfloat16 weights; :func:`hotloop.quantize_model` makes it.

    Attributes
    ----------
    name : str
    precision : str
        "int8", "int8_dynamic" or "bf16".
    input_names, output_names : list of str
    input_shapes, output_shapes : list of tuple of int
        Of one sample.
    signature : Signature
    graph : Graph
        Of ops, with arrays for weights.
    built : Built
        Its program.
    marked : list of frozenset, or None
        With bytes inside: by output, the inputs whose NaN it has to show, in the same row or in all.
    nbytes : int
        What its weights, scales and biases take in memory.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(3, input_shape=(4,))])
    >>> fast = hl.quantize_model(model, precision="bf16")
    >>> fast.predict(np.ones((2, 4), "float32")).dtype
    dtype('float32')
    """

    def __init__(
        self,
        graph: Graph,
        signature: Signature,
        spec: CompileSpec | None,
        report: QuantizationReport | None = None,
        device: str | None = None,
    ) -> None:
        self.graph = graph
        self.signature = signature
        self.name, self.precision = signature.name, signature.precision
        self.input_names, self.input_shapes = signature.input_names, signature.input_shapes
        self.output_names, self.output_shapes = signature.output_names, signature.output_shapes
        self.compile_spec = spec
        self._report = QuantizationReport(self.precision) if report is None else report
        self.marked = sources_of_outputs(graph) if self.precision.startswith("int8") else None
        self._run_on(backend(device))

    def _run_on(self, where: Host) -> None:
        """Build the program; with one input and one output plain arrays go straight to it."""
        self.built = build(self.graph, where)
        self._require_the_signature()
        self._judged = WithLogits(self.graph, self.built)
        short = self.built.short_way(self.input_shapes, self.output_shapes)
        self._run_rows = None if self.signature.returns_dict else short

    def _require_the_signature(self) -> None:
        made = [(value.features, value.dtype) for value in self.graph.outputs]
        if made != [(math.prod(shape), "float32") for shape in self.output_shapes]:
            raise ValueError(
                f"quantised model {self.name!r}: its outputs are {made}, not {self.output_shapes}"
            )
        if [v.features for v in self.graph.inputs] != [math.prod(shape) for shape in self.input_shapes]:
            raise ValueError(f"quantised model {self.name!r}: its inputs are not {self.input_shapes}")

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: the native program stays behind and is made anew."""
        behind = ("built", "_judged", "_run_rows")
        kept = {key: value for key, value in vars(self).items() if key not in behind}
        return {**kept, "_where": self.built.backend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        where = state.pop("_where")  # none in a pickle, which may be read where there is no such device
        vars(self).update(state)
        self._run_on(backend(where))

    @property
    def device(self) -> str:
        """Where the model computes: "cpu" or "cuda". Setting it moves the weights."""
        return self.built.backend.name

    @device.setter
    def device(self, name: str) -> None:
        self._run_on(backend(name))

    # -- predicting

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        *,
        allow_nonfinite: bool = False,
    ) -> Predicted:
        """Predict.

        Parameters
        ----------
        x : array of shape (rows, ...) or list of arrays
            float32 or uint8; other numbers are converted.
        batch_size, verbose
            Accepted as in `Model.predict`; results don't depend on them.
        allow_nonfinite : bool
            Whether NaN and infinity may come in. With int8, whose bytes have neither, all that is made of
            such a row is NaN; with "bf16" they go through as in the float model.

        Returns
        -------
        float32 array of shape (rows, ...), or a list or dict of them, as the float model returns
            CuPy's where an input is, else NumPy's.

        Raises
        ------
        ValueError
            For a wrong shape, no rows, or values that are not finite.
        """
        if self._run_rows is not None:
            # What isn't finite takes the long way where it has to be marked.
            result = self._run_rows(x, allow_nonfinite and self.marked is None)
            if result is not None:
                return result
        inputs = self.input_arrays(x, allow_nonfinite)
        outputs = self.built.run(inputs)
        if allow_nonfinite and self.marked is not None:
            mark_nonfinite(inputs, outputs, self.marked)
        return self.signature.shaped(outputs)

    def input_arrays(self, x: Any, allow_nonfinite: bool = False) -> list[Array]:
        """Return the inputs as the program reads them: (rows, features), float32 or uint8."""
        return self.signature.input_arrays(x, allow_nonfinite, self.built.backend)

    @property
    def feature_names(self) -> Any:
        """The names by which frames' columns are put in order, as the float model's; a list for several
        inputs."""
        names = self.signature.columns or [None] * len(self.input_names)
        return names[0] if len(names) == 1 else names

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: Any = 0,
        sample_weight: Any = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics that the float model was compiled with.

        Parameters
        ----------
        x, y : arrays, or lists or dicts of them
            As for `Model.evaluate`.
        batch_size, verbose
            As in `Model.evaluate`; nothing is written.
        sample_weight : array, or a list or dict of them, optional
            As for `Model.fit`.
        return_dict : bool
            Whether to return a dict by name.

        Returns
        -------
        float, list of float or dict
            The loss alone when there are no metrics, else a list that begins with it.

        Raises
        ------
        ValueError
            When the float model was not compiled with a loss, or shapes don't fit.
        """
        if self.compile_spec is None:
            raise ValueError(
                f"model {self.name!r}: the float model was not compiled; compile it, then quantise it"
            )
        chosen = self.compile_spec.outputs_with_loss(self.output_names)
        names = [self.output_names[i] for i in chosen]
        shapes = [self.output_shapes[i] for i in chosen]
        labels = [
            to_host(as_array(f"y {n!r}", a))
            for n, a in zip(names, split_by_name("y", y, names, shapes), strict=True)
        ]
        heads = self.compile_spec.heads(self.output_names, self.output_shapes, labels)
        outputs, logits = self._judged.run(heads, self.input_arrays(x))
        rows = outputs[0].shape[0]
        require_same_rows({"x": outputs[0]} | {f"y {n!r}": a for n, a in zip(names, labels, strict=True)})
        weights = sample_weights(
            "sample_weight", sample_weight, rows, names, [head.weighed for head in heads]
        )
        of_head = [*weights] if weights else [None] * len(heads)
        several = len(self.output_names) > 1
        size = DEFAULT_BATCH_SIZE if batch_size is None else integer("batch_size", batch_size, at_least=1)
        batches = batch_rows(rows, size)
        loss = total_loss(heads, labels, outputs, of_head, logits, batches)
        logs = compute_metrics(heads, labels, outputs, weights, several, logits, batches)
        logs = {"loss": loss, **logs}
        if return_dict:
            return logs
        return logs["loss"] if len(logs) == 1 else list(logs.values())

    def predict_on_batch(self, x: Any) -> Predicted:
        """Predict one batch; see :meth:`predict`."""
        return self.predict(x)

    def __call__(self, x: Any) -> Predicted:
        return self.predict(x)

    def fit(self, *_: Any, **__: Any) -> NoReturn:
        """A frozen model can't be trained.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            f"model {self.name!r} is frozen ({self.precision}); train the float model, then quantise"
        )

    train_on_batch = fit

    def set_weights(self, *_: Any) -> NoReturn:
        """Frozen weights can't be set; raises TypeError."""
        self.fit()

    # -- looking

    def count_params(self) -> int:
        """How many weights it has: kernels and biases, and the vectors of float layers."""
        found = [each for op in self.graph for each in record_of(op).parameters(op)]
        sizes = {id(array): numbers for array, numbers in found}  # layers may share them
        return sum(sizes.values())

    @property
    def nbytes(self) -> int:
        """What its weights, scales and biases take in memory."""
        return sum(int(array.nbytes) for array in tensors(self.graph).values())

    def report(self) -> QuantizationReport:
        """What quantisation did, measured on the calibration data; prints as a table.

        Examples
        --------
        >>> import numpy as np
        >>> import hotloop as hl
        >>> model = hl.Sequential([hl.layers.Dense(3, input_shape=(4,))])
        >>> fast = hl.quantize_model(model, calibration_data=np.eye(4, dtype="float32"))
        >>> [layer.op for layer in fast.report().layers], fast.report().rows
        (['dense_int8'], 4)
        """
        return self._report

    def summary(self, *, print_fn: Callable[[str], object] | None = None) -> None:
        """Print every op with its type, bytes, and scales.

        Parameters
        ----------
        print_fn : callable, optional
            Called with each line instead of printing.
        """
        rows = [("layer", "op", "output", "bytes", "scales")]
        for op in self.graph:
            arrays = [*op.weights.values(), *op.constants.values()]
            rows.append(
                (
                    op.layer,
                    op.kind,
                    f"{op.output.features} {op.output.dtype}",
                    f"{sum(a.nbytes for a in arrays):,}",
                    record_of(op).grids(op),
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [f"Quantised model: {self.name!r} ({self.precision})"]
        lines += [
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        lines.append(f"Total params: {self.count_params():,} in {self.nbytes:,} bytes")
        for line in lines:
            (print_fn or print)(line)

    # -- saving

    def get_config(self) -> dict[str, Any]:
        """Names, shapes and ops as JSON values; an op's numbers are named by the tensors that hold them."""
        return {
            **self.signature.get_config(),
            "compile": None if self.compile_spec is None else self.compile_spec.get_config(),
            "report": self._report.to_dict(),
            "graph": graph_config(self.graph),
        }

    def save(self, filepath: PathLike, overwrite: bool = True) -> None:
        """Write the model into one file, which :func:`hotloop.load_model` reads.

        bfloat16 weights are stored as uint16, the upper halves of float32 numbers.

        Parameters
        ----------
        filepath : str, bytes or path-like
            An existing file is replaced, once the new one is complete.
        overwrite : bool
            Whether it may be.

        Raises
        ------
        FileExistsError
            When there is a file already and `overwrite` is False.
        TypeError, OSError
            When a class or function that it was compiled with is neither hotloop's nor registered (those that
            it was made of are not in the file), or the file can't be written.
        """
        refuse_overwriting(filepath, overwrite)
        config = self.get_config()
        require_savable("save", config["compile"])
        write_container(filepath, KIND, config, tensors(self.graph))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} name={self.name!r} precision={self.precision!r}: {self._report.line()}>"
        )
