"""What quantisation did: the float plan and the quantised one over the same rows, in chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hotloop.compress.answers import Answers, Array
from hotloop.compress.coding import Coding, Codings
from hotloop.compress.dynamic import normalise_op
from hotloop.compress.noise import Changes, Noise
from hotloop.compress.observe import CalibrationData
from hotloop.compress.plan import Op, Plan, build
from hotloop.compress.quantization_report import LayerError, OutputError
from hotloop.compress.static import quantize_op

# Activations with an end on both sides.
BOUNDED = frozenset(
    {"sigmoid", "hard_sigmoid", "sparse_sigmoid", "tanh", "hard_tanh", "softsign", "softmax", "sparsemax"}
)
QUANTIZED = frozenset({"dense_int8", "dense_bf16"})


@dataclass
class Measured:
    """Figures of one quantised plan.

    Attributes
    ----------
    values : list of int
        What its layers make.
    layers : list of LayerError
        In the same order.
    outputs : list of OutputError
    """

    values: list[int]
    layers: list[LayerError] = field(default_factory=list)
    outputs: list[OutputError] = field(default_factory=list)


def measure(
    reference: Plan,
    plan: Plan,
    codings: Codings,
    data: CalibrationData,
    names: Sequence[str],
    answers: Mapping[int, Answers],
    labels: Mapping[int, Array],
) -> Measured:
    """Compare a quantised plan with the float plan that it was made of.

    Parameters
    ----------
    reference, plan : Plan
        Values have the same numbers in both.
    codings : Codings
        What numbers mean in `plan`.
    data : CalibrationData
    names : sequence of str
        Of the outputs.
    answers, labels : by output
        How outputs are read that name classes, and what is right.
    """
    layers = [op for op in plan.ops if op.op in QUANTIZED or op.op == "dense"]
    probes = [op for op in layers if op.op in QUANTIZED]
    values = [op.output for op in layers]
    whole, shown = _with_real_values(plan, values, codings)
    alone, probed = _with_probes(reference, plan, probes, codings)
    wanted = list(dict.fromkeys([*values, *plan.outputs]))
    float_run = build(alone, outputs=[*wanted, *probed])
    quantized_values = list(dict.fromkeys([*shown, *plan.outputs]))
    whole_run = build(whole, outputs=quantized_values)
    together = [Noise(_is_bounded(plan, op.output)) for op in layers]
    single = [Noise(_is_bounded(plan, op.output)) for op in probes]
    final = [Noise(_is_bounded(plan, value)) for value in plan.outputs]
    changes = {i: Changes(how) for i, how in answers.items()}
    right_before, right = dict.fromkeys(answers, 0), dict.fromkeys(answers, 0)
    first = 0
    for chunk in data:
        made = float_run.run(chunk)
        exact = dict(zip(wanted, made, strict=False))
        got = dict(zip(quantized_values, whole_run.run(chunk), strict=True))
        for op, noise, value in zip(layers, together, shown, strict=True):
            noise.update(exact[op.output], codings.made.get(op.output, Coding()).real(got[value]))
        for op, noise, numbers in zip(probes, single, made[len(wanted) :], strict=True):
            noise.update(exact[op.output], codings.made.get(op.output, Coding()).real(numbers))
        for i, (value, noise) in enumerate(zip(plan.outputs, final, strict=True)):
            output = got[value]
            noise.update(exact[value], output)
            if i in answers:
                before, after = answers[i].of(exact[value]), answers[i].of(output)
                changes[i].update(exact[value], before, after)
                if i in labels:
                    y = labels[i][first : first + len(before)]
                    right_before[i] += int((before == y).sum())
                    right[i] += int((after == y).sum())
        first += len(exact[wanted[0]])
    quiet = {id(op): noise for op, noise in zip(probes, single, strict=True)}
    result = Measured(values)
    result.layers = [
        LayerError(
            op.source,
            op.op,
            quiet[id(op)].decibels() if id(op) in quiet else None,
            noise.decibels(),
            quiet[id(op)].typical() if id(op) in quiet else None,
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


def _is_bounded(plan: Plan, value: int) -> bool:
    op = plan.producer(value)
    return op is not None and op.attributes.get("kind" if op.op == "activation" else "activation") in BOUNDED


def _with_real_values(plan: Plan, values: Sequence[int], codings: Codings) -> tuple[Plan, list[int]]:
    """The plan with bytes brought back to numbers, and where these are."""
    shown, whole = [], plan.copy()
    for value in values:
        grid = codings.made[value].grid if value in codings.made else None
        if grid is None:
            shown.append(value)
            continue
        shown.append(whole.new_value())
        how = {"scale": grid.scale, "zero_point": grid.zero_point}
        # A byte's number is its place on the grid; factors and offsets come after.
        whole.ops.append(Op("dequantize", [value], shown[-1], dict(how)))
    return whole, shown


def _with_probes(
    reference: Plan, plan: Plan, probes: Sequence[Op], codings: Codings
) -> tuple[Plan, list[int]]:
    """The float plan with each quantised layer beside it, reading exact numbers; and what they make."""
    alone, outputs = reference.copy(), []
    read = {op.output: op.inputs[0] for op in reference.ops if op.op == "dense"}
    for op in reference.ops:  # an activation behind a Dense is part of it in the quantised plan
        if op.op == "activation" and op.inputs[0] in read:
            read.setdefault(op.output, read[op.inputs[0]])
    for op in probes:
        value = read[op.output]
        coding = codings.read.get(value, Coding())
        if op.op == "dense_int8" and (coding.grid is not None or coding.factor is not None):
            number = alone.new_value()
            make = quantize_op if coding.grid is not None else normalise_op
            alone.ops.append(make(value, number, coding, op.source))
            value = number
        outputs.append(alone.new_value())
        attributes = op.attributes | ({"output": "float32"} if "output" in op.attributes else {})
        alone.ops.append(replace(op, inputs=[value], output=outputs[-1], attributes=attributes))
    return alone, outputs
