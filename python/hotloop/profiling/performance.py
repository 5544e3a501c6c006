"""How good, how big and how fast a model is, measured on the machine at hand."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hotloop import losses, metrics
from hotloop.core.errors import bad_type, integer, number
from hotloop.device import backend_of, to_host
from hotloop.feed.arrays import as_array, contiguous
from hotloop.metrics.decode import several_labels
from hotloop.training.compile_spec import CompileSpec

Array = npt.NDArray[Any]
CLASS_METRICS = {
    "precision": metrics.Precision(average="macro"),
    "recall": metrics.Recall(average="macro"),
    "f1": metrics.F1Score("macro"),
    "auc": metrics.AUC(average="macro"),
}


class Predictor(Protocol):
    """What can be measured: a Model or a QuantizedModel."""

    name: str

    @property
    def compile_spec(self) -> CompileSpec | None: ...

    @property
    def output_names(self) -> list[str]: ...
    def predict(self, x: Any) -> Any: ...
    def predict_on_batch(self, x: Any) -> Any: ...
    def count_params(self) -> int: ...
    def save(self, path: str, /) -> None: ...


@dataclass(frozen=True)
class PerformanceReport(Mapping[str, Any]):
    """Figures of one model; also reads like a dict, and prints as a table.

    Attributes
    ----------
    name : str
        The model's.
    precision : str
        "float32", or the quantised model's precision.
    metrics : dict of str to float
        Classification: accuracy, precision, recall, f1 and auc (the last four macro averages over classes).
        Regression: mse, mae and r2. Empty without labels.
    parameters : int
        Number of weights.
    parameter_bytes : int
        What they take in memory.
    file_bytes : int or None
        Size of the saved file without the optimizer's state; None for a model that no file can hold (a metric
        made of a Python function).
    latency_us : dict of int to dict of str to float
        By batch size: "p50" and "p99" of one call, in microseconds.
    throughput : dict of int to float
        By batch size: rows per second.
    calls : dict of int to int
        By batch size: how many calls were timed.
    threads : int
        How many a call may use.
    isa : str
        The instruction set in use.
    device : str
        "cpu", or "cuda": then calls are timed until their results are there, in the CPU's memory for an ``x``
        of NumPy's, and on the GPU for one of CuPy's.
    """

    name: str
    precision: str
    metrics: dict[str, float]
    parameters: int
    parameter_bytes: int
    file_bytes: int | None
    latency_us: dict[int, dict[str, float]]
    throughput: dict[int, float]
    calls: dict[int, int]
    threads: int
    isa: str
    device: str = "cpu"
    _keys: tuple[str, ...] = field(
        default=(
            "name",
            "precision",
            "metrics",
            "parameters",
            "parameter_bytes",
            "file_bytes",
            "latency_us",
            "throughput",
            "calls",
            "threads",
            "isa",
            "device",
        ),
        repr=False,
        compare=False,
    )

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON values: batch sizes become strings, a metric that is NaN becomes None."""
        plain = dict(self)
        plain["metrics"] = {name: None if math.isnan(v) else v for name, v in self.metrics.items()}
        plain["latency_us"] = {str(size): dict(values) for size, values in self.latency_us.items()}
        plain["throughput"] = {str(size): value for size, value in self.throughput.items()}
        plain["calls"] = {str(size): value for size, value in self.calls.items()}
        return plain

    def __str__(self) -> str:
        rows = [(name, f"{value:.4f}") for name, value in self.metrics.items()]
        rows += [
            ("parameters", f"{self.parameters:,}"),
            ("bytes in memory", f"{self.parameter_bytes:,}"),
            ("bytes on disk", "can't be saved" if self.file_bytes is None else f"{self.file_bytes:,}"),
        ]
        for size, values in self.latency_us.items():
            rows.append((f"latency, batch {size}", f"p50 {values['p50']:.1f} us, p99 {values['p99']:.1f} us"))
            rows.append((f"throughput, batch {size}", f"{self.throughput[size]:,.0f} rows/s"))
        if self.device != "cpu":
            rows.append(("device", self.device))
        rows.append(("machine", f"{self.threads} thread{'s' if self.threads != 1 else ''}, {self.isa}"))
        width = max(len(label) for label, _ in rows)
        title = f"{self.name} ({self.precision})"
        return "\n".join([title, "-" * len(title)] + [f"{label:<{width}}  {value}" for label, value in rows])


def evaluate_performance(
    model: Predictor,
    x: Any,
    y: Any = None,
    batch_sizes: Sequence[int] = (1, 256),
    seconds: float = 0.5,
) -> PerformanceReport:
    """Measure a model's quality, size and speed.

    Parameters
    ----------
    model : Model or QuantizedModel
        With one input and one output.
    x : array of shape (rows, ...)
        What to predict. Timed batches are cut from it, from the start again where it is short.
    y : array, optional
        Labels as for `fit`; without them there are no metrics.
    batch_sizes : sequence of int
        For which batch sizes to time `predict_on_batch`.
    seconds : float
        How long to time each of them, after a warm-up of a fifth of that.

    Returns
    -------
    PerformanceReport

    Raises
    ------
    ValueError
        For empty data, batch sizes below one, or a model with several inputs or outputs.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(3, activation="softmax", input_shape=(4,))])
    >>> model.compile(loss="sparse_categorical_crossentropy")
    >>> x, y = np.random.rand(20, 4).astype("float32"), np.arange(20) % 3
    >>> report = hl.evaluate_performance(model, x, y, seconds=0.01)
    >>> sorted(report.metrics), report.parameters
    (['accuracy', 'auc', 'f1', 'precision', 'recall'], 15)
    """
    from hotloop import _native

    seconds = number("seconds", seconds, above=0)
    sizes = [integer("batch_sizes", size, at_least=1) for size in batch_sizes]
    if isinstance(x, list | tuple | dict):
        raise bad_type("x", "one array (models with several inputs can't be measured yet)", x)
    x = as_array("x", x, getattr(model, "feature_names", None))
    if x.ndim == 0 or x.shape[0] == 0:
        raise ValueError(f"x: expected at least one row, got shape {x.shape}")

    scores = {} if y is None else _scores(model, x, to_host(as_array("y", y)))
    latency, throughput, calls = {}, {}, {}
    for size in sizes:
        rows = np.arange(size) % x.shape[0]
        batch = contiguous(x[backend_of(x).upload(rows)])
        times = _time_calls(model, batch, seconds)
        p50, p99 = np.percentile(times, [50, 99]) * 1e6
        latency[size] = {"p50": float(p50), "p99": float(p99)}
        throughput[size] = size * len(times) / sum(times)
        calls[size] = len(times)
    return PerformanceReport(
        name=model.name,
        precision=str(getattr(model, "precision", "float32")),
        metrics=scores,
        parameters=model.count_params(),
        parameter_bytes=int(getattr(model, "nbytes", 4 * model.count_params())),
        file_bytes=_file_bytes(model),
        latency_us=latency,
        throughput=throughput,
        calls=calls,
        threads=int(_native.num_threads()),
        isa=str(_native.isa_level()),
        device=str(getattr(model, "device", "cpu")),
    )


def _scores(model: Predictor, x: Array, y: Array) -> dict[str, float]:
    """Which metrics fit the model's loss, or the labels where it has none, and their values."""
    predictions = model.predict(x)
    if isinstance(predictions, list | dict):
        raise bad_type("model", "one output (several can't be measured yet)", predictions)
    predictions = to_host(predictions)
    spec = model.compile_spec
    columns = predictions.shape[-1]
    if spec is not None and spec.loss is not None:
        loss = spec.heads(model.output_names, [predictions.shape[1:]], [y])[0].loss
    elif y.dtype.kind in "iub":
        several = columns == 1 or several_labels(y, predictions.shape)
        loss = losses.get("binary_crossentropy" if several else "sparse_categorical_crossentropy")
    else:
        loss = losses.get("mean_squared_error")
    if loss.answers == "values":
        wanted = {name: metrics.get(name) for name in ("mse", "mae", "r2")}
        return {name: float(metric(y, predictions)) for name, metric in wanted.items()}
    chosen = {"accuracy": "accuracy", **CLASS_METRICS}
    found = {name: metrics.resolve(metric, loss, columns) for name, metric in chosen.items()}
    return {name: float(metric(y, predictions)) for name, metric in found.items()}


def _time_calls(model: Predictor, batch: Array, seconds: float) -> list[float]:
    clock = time.perf_counter
    end = clock() + seconds / 5
    # Results that stay on the GPU are there only once it was waited for.
    wait = backend_of(batch).synchronize
    model.predict_on_batch(batch)
    while clock() < end:
        model.predict_on_batch(batch)
        wait()
    times = []
    start = clock()
    while True:
        model.predict_on_batch(batch)
        wait()
        now = clock()
        times.append(now - start)
        start = now
        seconds -= times[-1]
        if seconds <= 0:
            return times


def _file_bytes(model: Predictor) -> int | None:
    from hotloop.models import Model

    options: dict[str, Any] = {"include_optimizer": False} if isinstance(model, Model) else {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model")
        try:
            model.save(path, **options)
        except TypeError:
            return None
        return os.path.getsize(path)
