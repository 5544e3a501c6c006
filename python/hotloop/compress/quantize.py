"""Post-training quantisation: a trained model becomes a frozen one with int8 or bfloat16 weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hotloop.compress.agreement import require_agreement
from hotloop.compress.answers import answers_of, given_labels
from hotloop.compress.calibrate import make_observer
from hotloop.compress.coding import Codings
from hotloop.compress.dynamic import dynamic_codings
from hotloop.compress.fallback import FALLBACKS, settle
from hotloop.compress.measure import Measured, measure
from hotloop.compress.observe import CalibrationData, Seen, column_periods, observe
from hotloop.compress.rewrite import quantize_products
from hotloop.compress.static import static_codings
from hotloop.core.errors import integer, unknown_name
from hotloop.device import backend
from hotloop.graph.still import still
from hotloop.inference.quantization_report import QuantizationReport
from hotloop.inference.quantized_model import QuantizedModel
from hotloop.inference.signature import Signature
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.lower import lower
from hotloop.ir.ops import product_of
from hotloop.ir.pipelines import Purpose, for_inference, run
from hotloop.ir.rows import mixing_layer
from hotloop.ir.spread import evens_out, takes_offsets_off
from hotloop.ir.weights import freeze
from hotloop.models.clone import require_model

if TYPE_CHECKING:
    from hotloop.models import Model

PRECISIONS = ("int8", "int8_dynamic", "bf16")
# Normalisation that stays in front of a layer, where its columns have no scales or offsets of their own.
KEPT = {"int8_dynamic": evens_out, "bf16": takes_offsets_off}
CHUNK_NUMBERS = 1 << 22  # that layers make of a chunk of calibration data, all held at once
DEEPEST = 65536  # products an int32 sum holds without overflow


def quantize_model(
    model: Model,
    precision: str = "int8",
    calibration_data: Any = None,
    calibration: str = "minmax",
    percentile: float = 99.99,
    batch_size: int = 1024,
    *,
    calibration_labels: Any = None,
    fallback: str = "auto",
) -> QuantizedModel:
    """Make a frozen model with smaller, faster weights, and measure what that did to it.

    Batch normalisation and rescaling are folded into Dense layers, and dropout goes. With "int8", Dense
    layers multiply u8 activations (asymmetric) by s8 weights (symmetric, one scale an output unit) exactly in
    int32; between two of them only u8 lies in memory. What the model's outputs and other layers read is
    float32. The bytes that come out are the same on every instruction set, thread count and GPU. The result
    computes where the model does.

    Activations have one scale a tensor, or where that would cost accuracy one for each column: in the op that
    quantises an input, else as powers of two in the weights of the layer that makes them, which goes through
    "linear", "relu" and "leaky_relu" alone. Columns far from zero get an offset, which is folded into the
    bias.

    With calibration data the quantised model is compared with the float model on them: the figures are in the
    result's :meth:`~hotloop.QuantizedModel.report`. Where they are bad, see `fallback`.

    Parameters
    ----------
    model : Model
        Stays as it is.
    precision : {"int8", "int8_dynamic", "bf16"}
        "int8_dynamic" quantises each row of activations by its own range while predicting: no calibration,
        but slower than "int8". "bf16" stores weights as bfloat16 and computes in float32. With either,
        batch normalisation of very unlike columns, or of columns far from zero, stays an op of its own.
    calibration_data : array or list of arrays
        Inputs as for `predict`, a few hundred typical rows: for "int8" expected; for the others optional, to
        measure them, and for "int8_dynamic" to see how columns differ, which else is guessed from the
        weights. Gone through in chunks, once to see and at least once to measure; memory does not grow with
        their number.
    calibration : {"minmax", "percentile", "mse"}
        How activation ranges are chosen: all that was seen; all but the rarest; the range with the least mean
        squared error.
    percentile : float
        In (50, 100]: for "percentile".
    batch_size : int
        Rows a chunk of calibration at most: fewer, where a row is large, and all where a layer mixes rows.
        Figures don't depend on it.
    calibration_labels : array, or list or dict of arrays, optional
        Of the calibration data, for the outputs of a classifier, as for `fit`: then the report has the
        accuracy of both models.
    fallback : {"auto", "error", "never"}
        What becomes of layers that can't be quantised well: those whose own signal-to-noise ratio is below
        20 dB, over all rows (with "minmax", which clips none) or without the farthest ones; and the worst
        layers, few by few, while an output's is, or while more than one in a hundred answers of a classifier
        change that were no ties (and half of that at the lower end of a 95% interval), or while more than one
        in a hundred right answers are lost, and more than luck explains. "auto" keeps them in float32 and
        warns, "error" raises, "never" quantises them all the same, and warns.

    Returns
    -------
    QuantizedModel

    Raises
    ------
    ValueError
        For an unknown precision, calibration or fallback, a model without Dense layers, or calibration data
        that are missing, empty, of the wrong shape, or not finite; with ``fallback="error"`` for a layer that
        can't be quantised well.
    RuntimeError
        When the model predicts something else on the first 256 rows of the calibration data once it is
        folded, before anything is quantised: the figures of the report would not show that. Inputs so far
        from zero that float32 rounds off their differences do it.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> hl.set_seed(0)
    >>> model = hl.Sequential([hl.layers.Dense(8, "relu", input_shape=(4,)), hl.layers.Dense(3)])
    >>> x = np.random.default_rng(0).random((100, 4), "float32")
    >>> fast = hl.quantize_model(model, calibration_data=x)
    >>> fast.precision, fast.predict(np.ones((2, 4), "float32")).shape
    ('int8', (2, 3))
    >>> fast.report().outputs[0].snr > 30
    True
    """
    for what, value, known in (
        ("precision", precision, PRECISIONS),
        ("fallback", fallback, FALLBACKS),
    ):
        if value not in known:
            raise unknown_name(what, value, known)
    make_observer(calibration, percentile)
    integer("batch_size", batch_size, at_least=1)
    job = _Job(model, precision, calibration_data is not None)
    data = None
    if calibration_data is not None:
        data = CalibrationData(model, calibration_data, batch_size)
    elif precision == "int8":
        raise ValueError(
            "calibration_data: expected a few hundred typical inputs for precision 'int8', got none; "
            "give some, or use precision='int8_dynamic', which needs none"
        )
    elif calibration_labels is not None:
        raise ValueError("calibration_labels: expected calibration_data with them, got none")
    if data is None:
        graph, _ = job.attempt({})
        report = QuantizationReport(precision)
    else:
        answers = answers_of(model)
        labels = given_labels(model, answers, calibration_labels, data.rows)
        where = backend(model.device)
        at_once = min(batch_size, max(1, CHUNK_NUMBERS // job.numbers()))
        data.batch_size = data.rows if mixing_layer(job.folded) else at_once
        require_agreement(job.plain, job.folded, next(iter(data)), model.output_names, where)
        del job.plain
        job.seen = observe(job.folded, job.periods, data, calibration, percentile, where)

        def quantized(kept: Mapping[Value, str]) -> tuple[Graph, Measured]:
            graph, codings = job.attempt(kept)
            return graph, measure(job.folded, graph, codings, data, model.output_names, answers, labels)

        clips = calibration != "minmax"
        graph, measured, kept = settle(quantized, job.folded, job.origins, fallback, clips)
        report = QuantizationReport(
            precision, data.rows, tuple(measured.layers), tuple(measured.outputs), kept
        )
    spec = model.compile_spec and model.compile_spec.anew()
    return QuantizedModel(graph, Signature.of(model, precision), spec, report, model.device)


class _Job:
    """A model on its way: what all attempts to quantise it have in common."""

    def __init__(self, model: Model, precision: str, compared: bool) -> None:
        self.precision = precision
        self.plain = Graph()  # the model as it predicts, where it is to be compared with what became of it
        with still(require_model("quantize", model)) as resting:
            if compared:
                self.plain = freeze(for_inference(resting.graph))
            self.folded, found = run(lower(resting.graph), Purpose.FOLDING, keep=KEPT.get(precision))
        self.alike = found["fold"]
        deepest = None if precision == "bf16" else DEEPEST
        # What they make before activations are fused is the same in all attempts, and stands for them.
        self.makes = [
            op.output
            for op in self.folded
            if (product := product_of(op)) and (deepest is None or product.columns_read(op) <= deepest)
        ]
        if not self.makes:
            raise ValueError(
                f"quantize: model {model.name!r} has no Dense layer that {precision} could store"
            )
        self.origins: dict[Value, Value] = {}  # from what fused layers make to what they made before
        self.periods: dict[Value, int] = {}
        self.seen: dict[Value, Seen] = {}
        self._rewrite({}, lambda graph, products: self.periods.update(column_periods(graph, products)))

    def numbers(self) -> int:
        """How many numbers are held for one row: of layers in float, quantised, and quantised alone."""
        inputs = sum(value.features for value in self.folded.inputs)
        return inputs + 3 * sum(value.features for value in self.makes)

    def attempt(self, kept: Mapping[Value, str]) -> tuple[Graph, Codings]:
        """Quantise all but the layers that make the values in `kept`."""
        codings = Codings()

        def quantize(graph: Graph, products: list[Op]) -> None:
            nonlocal codings
            targets = set(products)
            if self.precision == "int8":
                codings = static_codings(graph, targets, self.seen)
            elif self.precision == "int8_dynamic":
                codings = dynamic_codings(graph, targets, self.periods, self.seen, self.alike)
            means = {value: seen.mean for value, seen in self.seen.items()}
            quantize_products(graph, targets, codings, means, "bf16" if self.precision == "bf16" else "int8")

        return self._rewrite(kept, quantize), codings

    def _rewrite(self, kept: Mapping[Value, str], quantize: Callable[[Graph, list[Op]], None]) -> Graph:
        """Let a copy go through the passes, the last of which is given here."""
        graph = self.folded.copy()
        targets = {value: op for value in self.makes if value not in kept and (op := graph.producer(value))}
        products = list(targets.values())
        given = {"products": set(products), "quantize_products": lambda graph: quantize(graph, products)}
        graph, _ = run(graph, Purpose.QUANTIZING, **given)
        self.origins |= {op.output: value for value, op in targets.items()}
        return graph
