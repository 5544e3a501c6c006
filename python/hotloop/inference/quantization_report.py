"""What quantisation did to a model, as figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_DECIBELS = 200.0
_COUNTS = ("answers", "changed", "decided", "labels", "correct_before", "correct")


@dataclass(frozen=True)
class LayerError:
    """What quantising one layer did to what it makes.

    Attributes
    ----------
    layer : str
    op : str
        What the layer is now: "dense_int8", "dense_bf16", or "dense" where it was kept in float.
    alone : float or None
        Signal-to-noise ratio in decibels of the layer's output with exact inputs; None where it was kept in
        float.
    together : float
        The same in the quantised model, with the noise of the layers in front.
    typical_alone, typical : float or None, float
        Both without the rows farthest from the middle, one in twenty: what sums of squares say of data with
        outliers is what becomes of these.
    """

    layer: str
    op: str
    alone: float | None
    together: float
    typical_alone: float | None
    typical: float


@dataclass(frozen=True)
class OutputError:
    """What quantisation did to one output of the model.

    Attributes
    ----------
    output : str
    snr : float
        Signal-to-noise ratio in decibels.
    typical : float
        The same without the rows farthest from the middle, one in twenty.
    answers : int
        How many answers of a classifier were compared; 0 for what is none.
    changed : int
        How many of them are others than the float model's.
    decided : int
        How many of those were no ties to the float model: noise at 30 dB would not have turned them.
    labels : int
        How many had a label.
    correct_before, correct : int
        How many of those the float and the quantised model got right.
    """

    output: str
    snr: float
    typical: float
    answers: int = 0
    changed: int = 0
    decided: int = 0
    labels: int = 0
    correct_before: int = 0
    correct: int = 0

    @property
    def changed_share(self) -> float:
        """Which part of the answers changed; NaN where there are none."""
        return self.changed / self.answers if self.answers else math.nan

    def accuracy(self, before: bool = False) -> tuple[float, float, float]:
        """The share of right answers and its 95% confidence interval (Wilson's), or three NaN.

        Parameters
        ----------
        before : bool
            Of the float model.

        Examples
        --------
        >>> right = OutputError("y", 40.0, 40.0, answers=100, labels=100, correct=95)
        >>> [round(x, 3) for x in right.accuracy()]
        [0.95, 0.888, 0.978]
        """
        right = self.correct_before if before else self.correct
        return (right / self.labels if self.labels else math.nan, *wilson_interval(right, self.labels))


@dataclass(frozen=True)
class QuantizationReport:
    """What quantisation did, measured on the calibration data. Prints as a table.

    Signal-to-noise ratios compare a value of the quantised model with that of the float model, in decibels:
    ``10 log10(sum of (x - mean of x)^2 / sum of (x - xq)^2)``, means being those of a feature over all rows.
    40 dB is an error of a hundredth of the signal. 200 dB stands for no difference. In sums of squares the
    largest rows count most: the typical figures leave out the rows farthest from the middle, one in twenty.

    Attributes
    ----------
    precision : str
    rows : int
        Of calibration data; 0 where there were none, and nothing was measured.
    layers : tuple of LayerError
        Each Dense.
    outputs : tuple of OutputError
    kept : dict of str to str
        Layers that were kept in float, each with the reason.

    Examples
    --------
    >>> import numpy as np
    >>> import hotloop as hl
    >>> model = hl.Sequential([hl.layers.Dense(2, input_shape=(3,), name="only")])
    >>> report = hl.quantize_model(model, calibration_data=np.eye(3, dtype="float32")).report()
    >>> print(str(report).splitlines()[0])
    Quantised to int8, measured on 3 rows
    """

    precision: str
    rows: int = 0
    layers: tuple[LayerError, ...] = ()
    outputs: tuple[OutputError, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON values."""
        return asdict(self) | {
            "layers": [asdict(layer) for layer in self.layers],
            "outputs": [asdict(output) for output in self.outputs],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> QuantizationReport:
        """The reverse of :meth:`to_dict`; TypeError, ValueError or KeyError where it is none."""
        layers = tuple(
            LayerError(
                str(item["layer"]),
                str(item["op"]),
                _decibels_or_none(item["alone"]),
                _decibels(item["together"]),
                _decibels_or_none(item["typical_alone"]),
                _decibels(item["typical"]),
            )
            for item in values["layers"]
        )
        outputs = tuple(
            OutputError(
                str(item["output"]),
                _decibels(item["snr"]),
                _decibels(item["typical"]),
                *(int(item[name]) for name in _COUNTS),
            )
            for item in values["outputs"]
        )
        kept = {str(layer): str(reason) for layer, reason in values["kept"].items()}
        return cls(str(values["precision"]), int(values["rows"]), layers, outputs, kept)

    def line(self) -> str:
        """The outputs' figures in a few words."""
        if not self.outputs:
            return "not measured"
        parts = []
        for output in self.outputs:
            text = f"{output.snr:.1f} dB, {output.typical:.1f} dB in most rows"
            if output.answers:
                text += f", {output.changed_share:.2%} of answers changed"
            parts.append(text if len(self.outputs) == 1 else f"{output.output} {text}")
        return "; ".join(parts)

    def __str__(self) -> str:
        nothing = bool(self.layers) and all(layer.op == "dense" for layer in self.layers)
        title = f"{'Nothing quantised' if nothing else 'Quantised'} to {self.precision}"
        kept = [f"kept in float: {layer!r}, {reason}" for layer, reason in self.kept.items()]
        if not self.rows:
            how = "not measured: give calibration_data to see what it did"
            return "\n".join([title, "-" * len(title), how, *kept])
        cells = [("layer", "now", "alone", "in the model", "in most rows")]
        cells += [
            (
                layer.layer,
                layer.op,
                "-" if layer.alone is None else f"{layer.alone:.1f} dB",
                f"{layer.together:.1f} dB",
                f"{layer.typical:.1f} dB",
            )
            for layer in self.layers
        ]
        cells += [
            (f"output {output.output}", "", "", f"{output.snr:.1f} dB", f"{output.typical:.1f} dB")
            for output in self.outputs
        ]
        widths = [max(len(row[i]) for row in cells) for i in range(5)]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        for output in self.outputs:
            if output.answers:
                low, high = wilson_interval(output.changed, output.answers)
                lines.append(
                    f"{output.output}: {output.changed} of {output.answers} answers changed, "
                    f"{output.changed_share:.2%} ({low:.2%} to {high:.2%}), "
                    f"{output.decided} of them no ties"
                )
            for before, name in ((True, "float32"), (False, self.precision)):
                if output.labels:
                    share, low, high = output.accuracy(before)
                    lines.append(
                        f"{output.output}: accuracy {name} {share:.4f} ({low:.4f} to {high:.4f}, "
                        f"95%, {output.labels} labels)"
                    )
        head = f"{title}, measured on {self.rows:,} rows"
        return "\n".join([head, "-" * len(head), *lines, *kept])


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """The 95% confidence interval of a share (Wilson 1927); two NaN without trials.

    Examples
    --------
    >>> [round(end, 4) for end in wilson_interval(5, 100)]
    [0.0215, 0.1118]
    """
    if not trials:
        return math.nan, math.nan
    z = 1.959963984540054
    share, square = hits / trials, z * z / trials
    middle = (share + square / 2) / (1 + square)
    reach = z * math.sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    # At either end the sums leave a rounding error beside what is 0 or 1.
    return (
        0.0 if hits == 0 else max(middle - reach, 0.0),
        1.0 if hits == trials else min(middle + reach, 1.0),
    )


def _decibels(value: Any) -> float:
    number = float(value)
    if not abs(number) <= MOST_DECIBELS:
        raise ValueError(f"report: expected decibels from -200 to 200, got {value}")
    return number


def _decibels_or_none(value: Any) -> float | None:
    return None if value is None else _decibels(value)
