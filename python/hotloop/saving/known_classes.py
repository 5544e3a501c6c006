"""Which objects a file can name: those of classes of the package, which loading looks up by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hotloop import initializers, layers, losses, metrics, models, optimizers, regularizers, schedules
from hotloop.layers.base import Layer
from hotloop.training.compile_spec import CompileSpec

if TYPE_CHECKING:
    from hotloop.models import Model

# What users may derive from, what it is called in messages, and the classes that loading knows.
FAMILIES: list[tuple[type[Any], str, Mapping[str, type[Any]]]] = [
    (models.Model, "model", models.CLASSES),
    (Layer, "layer", layers.CLASSES),
    (losses.Loss, "loss", losses.CLASSES),
    (metrics.Metric, "metric", metrics.CLASSES),
    (optimizers.Optimizer, "optimizer", optimizers.CLASSES),
    (schedules.LearningRateSchedule, "schedule", schedules.CLASSES),
    (initializers.Initializer, "initializer", initializers.CLASSES),
    (regularizers.Regularizer, "regularizer", regularizers.CLASSES),
]


def refuse_unknown_classes(model: Model) -> None:
    """Refuse what a file could hold and nobody load.

    Raises
    ------
    TypeError
        When the model, one of its layers, or what they or ``compile`` were given is of a class of the user's.
    """
    _refuse([model, *getattr(model, "_items", []), *model.layers, *_compiled_with(model.compile_spec)])


def refuse_unsavable(model: Model) -> None:
    """Refuse at once what saving the model would refuse.

    Raises
    ------
    TypeError
        As :func:`refuse_unknown_classes`, and for a metric made of a Python function.
    """
    if getattr(type(model), "save", None) is models.Model.save:  # else the user knows how
        refuse_unknown_classes(model)
        model.get_compile_config()


def refuse_unknown_spec(spec: CompileSpec | None) -> None:
    """The same for what ``compile`` was given alone."""
    _refuse(_compiled_with(spec))


def _compiled_with(spec: CompileSpec | None) -> list[Any]:
    return [] if spec is None else [spec.optimizer, spec.loss, spec.metrics, spec.weighted_metrics]


def _refuse(things: list[Any]) -> None:
    for thing, place in _configured(things, ""):
        for base, family, known in FAMILIES:
            name = type(thing).__name__
            if isinstance(thing, base) and known.get(name) is not type(thing):
                raise TypeError(
                    f"save: {family} {name}{place} is not a class of hotloop's, so no file could be loaded "
                    "again; use save_weights, and load_weights into a model that is built by the same code"
                )


def _configured(thing: Any, place: str) -> Iterator[tuple[Any, str]]:
    """Objects of the families in ``thing``, with where each stands."""
    if isinstance(thing, list | tuple):
        for item in thing:
            yield from _configured(item, place)
    elif isinstance(thing, Mapping):
        yield from _configured(list(thing.values()), place)
    elif isinstance(thing, tuple(base for base, _, _ in FAMILIES)):
        yield thing, place
        if not isinstance(thing, models.Model):
            name = getattr(thing, "name", None)
            inside = f" of {name!r}" if isinstance(thing, Layer) else f" in {name or type(thing).__name__}"
            for part in vars(thing).values():
                yield from _configured(part, inside)
