"""What a hidden unit is worth: the scores that pruning ranks by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.units import UnitMap
from hotloop.core.errors import bad_value, integer
from hotloop.device import to_host
from hotloop.ir.units import FROZEN
from hotloop.models.clone import made_again
from hotloop.optimizers import SGD
from hotloop.training.program import Steps, Sums
from hotloop.training.staging import Resident

if TYPE_CHECKING:
    from hotloop.models import Model
    from hotloop.optimizers import Optimizer

Groups = npt.NDArray[np.int64]
CRITERIA = ("magnitude", "taylor")


def magnitude_scores(units: UnitMap) -> dict[int, float]:
    """By group, the L2 norm of all its units' incoming weights and biases."""
    totals: dict[int, float] = {}
    for site in units.sites:
        if site.role == "makes":
            other = tuple(axis for axis in range(len(site.parameter.shape)) if axis != site.axis)
            squares = np.sum(np.square(to_host(site.parameter.numbers), dtype=np.float64), axis=other)
            _collect(totals, units.groups(site.atoms), squares)
    return {group: float(np.sqrt(total)) for group, total in totals.items()}


def taylor_scores(model: Model, units: UnitMap, data: Any, batch_size: int) -> dict[int, float]:
    """By group, how much the loss changes, to first order, when the rows that read it become zero.

    The mean over batches of ``|sum of w * dloss/dw|``; dropout and regularisers are left out, and batch
    normalisation uses its moving averages.
    """
    if not (isinstance(data, tuple | list) and len(data) == 2):
        raise bad_value(
            "data", "(x, y) for criterion 'taylor'", type(data).__name__, "give data=(x_train, y_train)"
        )
    size = integer("batch_size", batch_size, at_least=1)
    probe, optimizer = _probe(model)
    feed = probe._trainer.feed(data[0], data[1], None, probe.allow_nonfinite)
    program = probe._trainer.current(feed, to_train=True)
    weights = {parameter.path: parameter for parameter in probe.weights}
    readers = [site for site in units.sites if site.role == "reads"]
    groups = [units.groups(site.atoms) for site in readers]
    scores: dict[int, float] = {}
    for first in range(0, feed.rows, size):
        part = feed.part(first, min(first + size, feed.rows))
        Resident(program, part).train(Steps(optimizer, None, part.rows, 0, 1, 0, [], Sums()))
        changes: dict[int, float] = {}
        for site, names in zip(readers, groups, strict=True):
            weight = weights[site.parameter.path]
            products = weight.numpy().astype(np.float64) * to_host(weight.of(program.gradients))
            _collect(changes, names, products.sum(axis=1))
        _add(scores, {group: abs(change) * part.rows / feed.rows for group, change in changes.items()})
    return scores


def _probe(model: Model) -> tuple[Model, Optimizer]:
    """A copy of the model that computes gradients as in inference, and an optimizer that changes nothing."""
    spec = model.compile_spec
    if spec is None or spec.loss is None:
        raise ValueError(
            "criterion 'taylor': expected a model that is compiled with a loss; call compile first"
        )
    probe = made_again("prune", model)
    probe.set_weights(model.get_weights())
    probe._predictor.columns = model._predictor.columns
    for layer in probe.layers:
        layer.learn_as_in_inference()
        for parameter in layer.parameters:
            parameter.regularizer = None
    optimizer = SGD(0.0)
    probe.compile(**{**spec.arguments(), "optimizer": optimizer}, device=model.device)
    return probe, optimizer


def normalize(units: UnitMap, scores: dict[int, float]) -> dict[int, float]:
    """Divide by the root mean square score of the layer, so that layers compare; a group in several layers
    gets the mean."""
    shares: dict[int, list[float]] = {}
    for atoms in units.layers.values():
        groups = [group for group in set(units.groups(atoms).tolist()) if group != FROZEN]
        if groups:
            scale = float(np.sqrt(np.mean([scores[group] ** 2 for group in groups]))) or 1.0
            for group in groups:
                shares.setdefault(group, []).append(scores[group] / scale)
    return {group: float(np.mean(share)) for group, share in shares.items()}


def _collect(totals: dict[int, float], groups: Groups, values: npt.NDArray[np.float64]) -> None:
    for group, value in zip(groups.tolist(), values.tolist(), strict=True):
        if group != FROZEN:
            totals[group] = totals.get(group, 0.0) + value


def _add(totals: dict[int, float], more: dict[int, float]) -> None:
    for group, value in more.items():
        totals[group] = totals.get(group, 0.0) + value
