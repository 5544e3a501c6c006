"""What went into the activation at the end of a frozen model, for cross-entropies to be exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hotloop.compress.plan import BuiltPlan, Op, Plan, build
from hotloop.device import to_host
from hotloop.feed.arrays import Array, Floats
from hotloop.training.heads import ACTIVATIONS, Head, Logits, measure


class WithLogits:
    """A plan's program, and those that give logits behind its outputs, each built when first asked for."""

    def __init__(self, plan: Plan, built: BuiltPlan) -> None:
        self._plan = plan
        self._built = built
        self._made: dict[tuple[int, ...], BuiltPlan] = {}  # by the outputs whose logits are wanted

    def run(self, heads: Sequence[Head], inputs: list[Array]) -> tuple[list[Floats], dict[int, Logits]]:
        """Return the outputs on the host, and the logits that heads want by the number of their output."""
        plan, places = with_logits(self._plan, heads)
        judged, wanted = self._built, tuple(places)
        if wanted:
            judged = self._made.get(wanted) or build(plan, where=judged.backend)
            self._made[wanted] = judged
        outputs = [to_host(array) for array in judged.run(inputs)]
        return outputs, {i: Logits(kind, outputs[place]) for i, (kind, place) in places.items()}


def with_logits(plan: Plan, heads: Sequence[Head]) -> tuple[Plan, dict[int, tuple[str, int]]]:
    """Return a plan that gives such logits behind its outputs, and where.

    Parameters
    ----------
    plan : Plan
        Stays as it is.
    heads : sequence of Head

    Returns
    -------
    plan : Plan
    places : dict of int to (str, int)
        By the number of an output whose loss or metrics want them: the activation, and which output has what
        went into it.
    """
    made = Plan(plan.inputs, list(plan.ops), list(plan.outputs))
    places: dict[int, tuple[str, int]] = {}
    for head in heads:
        op = plan.producer(plan.outputs[head.index])
        if op is None:
            continue
        kind = str(op.attributes.get("kind" if op.op == "activation" else "activation", ""))
        along = kind != "softmax" or op.attributes["last_axis"] == head.shape[-1]
        if kind not in ACTIVATIONS or not along or not head.measures_logits(kind, own_loss=True):
            continue
        places[head.index] = kind, len(made.outputs)
        made.outputs.append(op.inputs[0] if op.op == "activation" else _split(made, op))
    return made, places


def total_loss(
    heads: Sequence[Head],
    labels: Sequence[Array],
    outputs: Sequence[Floats],
    weights: Sequence[Floats | None],
    logits: Mapping[int, Logits],
) -> float:
    """Return the sum of the outputs' losses, each times its weight."""
    return float(
        sum(
            head.weight * measure(head.loss, head, y, outputs[head.index], logits.get(head.index), each)
            for head, y, each in zip(heads, labels, weights, strict=True)
        )
    )


def _split(plan: Plan, op: Op) -> int:
    """Give the activation that an op applies an op of its own; return what goes into that."""
    value = plan.new_value()
    alone = {key: op.attributes[key] for key in ("alpha", "beta")}
    alone |= {"kind": op.attributes["activation"], "last_axis": op.attributes["units"]}
    at = plan.ops.index(op)
    plan.ops[at : at + 1] = [
        replace(op, output=value, attributes={**op.attributes, "activation": "linear"}),
        Op("activation", [value], op.output, alone, source=op.source),
    ]
    return value
