"""What quantisation did: the float graph and the quantised one over the same rows, in chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hotloop.compress.answers import Answers, Array
from hotloop.compress.coding import Codings
from hotloop.compress.noise import Changes, Noise
from hotloop.compress.observe import CalibrationData
from hotloop.compress.rewrite import bring
from hotloop.inference.quantization_report import LayerError, OutputError
from hotloop.ir.activation import BOUNDED
from hotloop.ir.build import build
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.ops import product_of, record_of


@dataclass
class Measured:
    """Figures of one quantised graph.

    Attributes
    ----------
    values : list of Value
        What its layers make, as values of the float graph.
    layers : list of LayerError
        In the same order.
    outputs : list of OutputError
    """

    values: list[Value]
    layers: list[LayerError] = field(default_factory=list)
    outputs: list[OutputError] = field(default_factory=list)


def measure(
    reference: Graph,
    graph: Graph,
    codings: Codings,
    data: CalibrationData,
    names: Sequence[str],
    answers: Mapping[int, Answers],
    labels: Mapping[int, Array],
) -> Measured:
    """Compare a quantised graph with the float graph that it was made of.

    Parameters
    ----------
    reference, graph : Graph
    codings : Codings
        What numbers mean in the quantised one, and what its values stand for.
    data : CalibrationData
    names : sequence of str
        Of the outputs.
    answers, labels : by output
        How outputs are read that name classes, and what is right.
    """
    layers = [op for op in graph if record_of(op).quantized or product_of(op)]
    probes = [op for op in layers if record_of(op).quantized]
    values = [codings.stands_for.get(op.output, op.output) for op in layers]
    whole, shown = _with_real_values(graph, layers, values, codings)
    alone, probed = _with_probes(reference, probes, codings)
    wanted = list(dict.fromkeys([*values, *reference.outputs]))
    float_run = build(alone, outputs=[*wanted, *probed])
    quantized_values = list(dict.fromkeys([*shown, *graph.outputs]))
    whole_run = build(whole, outputs=quantized_values)
    together = [Noise(_is_bounded(op)) for op in layers]
    single = [Noise(_is_bounded(op)) for op in probes]
    final = [Noise(_is_bounded(graph.producer(value))) for value in graph.outputs]
    changes = {i: Changes(how) for i, how in answers.items()}
    right_before, right = dict.fromkeys(answers, 0), dict.fromkeys(answers, 0)
    first = 0
    for chunk in data:
        made = float_run.run(chunk)
        exact = dict(zip(wanted, made, strict=False))
        got = dict(zip(quantized_values, whole_run.run(chunk), strict=True))
        for value, noise, numbers in zip(values, together, shown, strict=True):
            noise.update(exact[value], codings.real(value, got[numbers]))
        for op, noise, alike in zip(probes, single, made[len(wanted) :], strict=True):
            value = codings.stands_for[op.output]
            noise.update(exact[value], codings.real(value, alike))
        for i, (value, like, noise) in enumerate(zip(reference.outputs, graph.outputs, final, strict=True)):
            output = got[like]
            noise.update(exact[value], output)
            if i in answers:
                before, after = answers[i].of(exact[value]), answers[i].of(output)
                changes[i].update(exact[value], before, after)
                if i in labels:
                    y = labels[i][first : first + len(before)]
                    right_before[i] += int((before == y).sum())
                    right[i] += int((after == y).sum())
        first += len(exact[wanted[0]])
    quiet = dict(zip(probes, single, strict=True))
    result = Measured(values)
    result.layers = [
        LayerError(
            op.layer,
            op.kind,
            quiet[op].decibels() if op in quiet else None,
            noise.decibels(),
            quiet[op].typical() if op in quiet else None,
            noise.typical(),
        )
        for op, noise in zip(layers, together, strict=True)
    ]
    for i, (name, noise) in enumerate(zip(names, final, strict=True)):
        error = OutputError(name, noise.decibels(), noise.typical())
        if i in answers:
            of_a_row = math.prod(answers[i].shape[: -1 if answers[i].threshold is None else None])
            count = first * of_a_row
            decided = changes[i].decided(noise.spread())
            error = replace(error, answers=count, changed=changes[i].changed, decided=decided)
            if i in labels:
                error = replace(error, labels=count, correct_before=right_before[i], correct=right[i])
        result.outputs.append(error)
    return result


def _is_bounded(op: Op | None) -> bool:
    return op is not None and record_of(op).activation(op) in BOUNDED


def _with_real_values(
    graph: Graph, layers: Sequence[Op], values: Sequence[Value], codings: Codings
) -> tuple[Graph, list[Value]]:
    """The graph with bytes brought back to numbers, and where these are."""
    shown, whole = [], graph.copy()
    for op, value in zip(layers, values, strict=True):
        grid = codings.made[value].grid if value in codings.made else None
        numbers = op.output
        if grid is not None:
            # A byte's number is its place on the grid; factors and offsets come after.
            how = {"scale": grid.scale, "zero_point": grid.zero_point}
            numbers = whole.add("dequantize", [numbers], how, dtype="float32")
        shown.append(numbers)
    return whole, shown


def _with_probes(reference: Graph, probes: Sequence[Op], codings: Codings) -> tuple[Graph, list[Value]]:
    """The float graph with each quantised layer beside it, reading exact numbers; and what they make."""
    alone, outputs = reference.copy(), []
    for op in probes:
        maker = reference.producer(codings.stands_for[op.output])
        assert maker is not None
        if product_of(maker) is None:  # but an activation, which the quantised layer applies
            maker = reference.producer(maker.input)
            assert maker is not None
        alone.layer, value = op.layer, maker.input
        if value in codings.read:
            value = bring(alone, value, codings.read[value])
        how = op.attributes | ({"output": "float32"} if "output" in op.attributes else {})
        made = alone.add(
            op.kind, [value], how, op.weights, op.constants, shape=op.output.shape, dtype="float32"
        )
        outputs.append(made)
    return alone, outputs
