"""What becomes of layers that can't be quantised well."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from hotloop.compress.measure import Measured
from hotloop.core.errors import warn
from hotloop.inference.quantization_report import wilson_interval
from hotloop.ir.graph import Graph, Value
from hotloop.ir.ops import record_of

FALLBACKS = ("auto", "error", "never")
# The worst layers of small networks that were trained on normalised data had less than 26 dB in one of a
# hundred, and 21 at least; where columns as they came had spoiled training, less than 15 in one of ten.
LEAST_DECIBELS = 20.0
MOST_CHANGED = 0.01


def settle(
    quantized: Callable[[Mapping[Value, str]], tuple[Graph, Measured]],
    reference: Graph,
    origins: Mapping[Value, Value],
    fallback: str,
    clips: bool = False,
) -> tuple[Graph, Measured, dict[str, str]]:
    """Quantise; where figures are bad, keep the worst layers in float, few by few, until they aren't.

    Parameters
    ----------
    quantized : callable
        Takes what to keep in float, by the values that these layers make, each with the reason.
    reference : Graph
        In float.
    origins : dict of Value to Value
        From what quantised layers stand for to those names.
    fallback : {"auto", "error", "never"}
    clips : bool
        Whether the rarest values are clipped on purpose: then only most rows are judged.

    Returns
    -------
    graph : Graph
        The quantised one.
    measured : Measured
    kept : dict of str to str
        The layers that were kept, with the reasons.

    Raises
    ------
    ValueError
        With "error", where figures are bad.
    """
    kept: dict[Value, str] = {}
    names: dict[str, str] = {}
    while True:
        graph, measured = quantized(kept)
        # Half as many again each time: of many layers no more are kept than a third in vain.
        faults = _faults(reference, measured, clips, 1 + len(kept) // 2)
        if not faults:
            break
        text = "; ".join(f"layer {measured.layers[i].layer!r}: {reason}" for i, reason in faults.items())
        if fallback == "error":
            raise ValueError(
                f"quantize: expected figures that a quantised model can be trusted with, got {text}; give "
                "typical calibration_data, train the model further, or keep such layers in float with "
                "fallback='auto'"
            )
        if fallback == "never":
            warn(f"quantize: {text}; report() has the figures")
            break
        for i, reason in faults.items():
            kept[origins[measured.values[i]]] = reason
            names[measured.layers[i].layer] = reason
    if names:
        text = "; ".join(f"{layer!r} ({reason})" for layer, reason in names.items())
        left = any(record_of(op).quantized for op in graph)
        text += "" if left else "; nothing is left that is quantised, and the result computes in float32"
        warn(f"quantize: kept in float32, for they can't be quantised well: {text}; report() has the figures")
    return graph, measured, names


def _faults(reference: Graph, measured: Measured, clips: bool, most: int) -> dict[int, str]:
    """The numbers of layers that should be kept in float, with the reasons."""
    alone = {
        i: _judged(layer.alone, layer.typical_alone, clips)
        for i, layer in enumerate(measured.layers)
        if layer.alone is not None and layer.typical_alone is not None
    }
    bad = {
        i: _ratio_text(decibels, measured.layers[i].alone)
        for i, decibels in alone.items()
        if decibels < LEAST_DECIBELS
    }
    if bad or not alone:
        return bad
    trouble = _bad_output(measured, clips)
    if trouble is None:
        return {}
    # Noise that some layer can't stand comes from those in front of it, not from those behind.
    before = set(measured.values)
    for value, layer in zip(measured.values, measured.layers, strict=True):
        if _judged(layer.together, layer.typical, clips) < LEAST_DECIBELS:
            before = _before(reference, value)
            break
    suspects = [i for i in alone if measured.values[i] in before] or list(alone)
    worst = sorted(suspects, key=lambda i: (alone[i], i))[:most]
    return {i: f"one of the worst, {alone[i]:.1f} dB, in front of {trouble}" for i in worst}


def _judged(of_all: float, of_most: float, clips: bool) -> float:
    return of_most if clips else min(of_all, of_most)


def _ratio_text(decibels: float, of_all: float | None) -> str:
    where = "" if decibels == of_all else ", but for its rarest rows,"
    return f"its signal-to-noise ratio{where} is {decibels:.1f} dB"


def _bad_output(measured: Measured, clips: bool) -> str | None:
    for output in measured.outputs:
        where = f"output {output.output!r}, where"
        decibels = _judged(output.snr, output.typical, clips)
        if decibels < LEAST_DECIBELS:
            return f"{where} {_ratio_text(decibels, output.snr).replace('its', 'the')}"
        share = output.decided / max(output.answers, 1)
        # Of few rows a single one would be a share like that.
        if share > MOST_CHANGED and wilson_interval(output.decided, output.answers)[0] > MOST_CHANGED / 2:
            return f"{where} {output.decided} of {output.answers} answers changed that were no ties"
        lost = output.correct_before - output.correct
        # Answers that change from tie to tie are right as often before as after, but for luck.
        if lost > MOST_CHANGED * output.labels and lost > 2 * math.sqrt(output.changed):
            return f"{where} {lost} of {output.labels} right answers were lost"
    return None


def _before(graph: Graph, value: Value) -> set[Value]:
    """A value and those that it is made of."""
    found = {value}
    for op in reversed(graph.ops):
        if found.intersection(op.outputs):
            found.update(op.inputs)
    return found
