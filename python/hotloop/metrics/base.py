"""What all metrics have in common."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from hotloop.core import errors
from hotloop.core.custom_objects import function_of, name_or_itself
from hotloop.core.naming import function_name, snake_case
from hotloop.core.registry import Family
from hotloop.core.serialization import Configurable
from hotloop.losses.base import Loss
from hotloop.losses.rows import Doubles, like_predictions, row_weights
from hotloop.metrics.calling import are_rows, call_metric, refuse_table

if TYPE_CHECKING:
    from hotloop.metrics.traced import RowProgram

Array = npt.NDArray[Any]
STATEFUL = ("reset_state", "update_state", "result")  # Keras's three calls in place of one
Result = float | Doubles  # one number, or one for each class or output


def weighted_mean(values: Array, sample_weight: npt.ArrayLike | None, what: str) -> float:
    """Return ``sum(w * v) / sum(w)``; 0 when the weights are all 0, as in Keras.

    Parameters
    ----------
    values : ndarray
        One value a row; booleans count as 0 and 1.
    sample_weight : array_like, optional
        One weight a row, or one a sample where a sample has several rows.
    what : str
        The metric's name, for errors.
    """
    weights = row_weights(sample_weight, values.shape, what)
    if weights is None:
        if values.dtype == np.bool_:
            return float(np.count_nonzero(values)) / values.size
        return float(np.mean(values, dtype=np.float64))
    total = float(weights.sum())
    if total:
        return float((weights * values).sum()) / total
    return float("nan") if np.isnan(values).any() else 0.0


class Metric(Configurable):
    """Base class: a metric is called once on the whole set, and keeps no state.

    One that is written as in Keras, with ``reset_state``, ``update_state`` and ``result`` over plain
    attributes, is one too: they are called once each, with the whole set.

    Attributes
    ----------
    name : str
        Its key in the logs.
    direction : {"min", "max"} or None
        Which way is better, for callbacks that watch it with ``mode="auto"``. None: nobody knows. Keras's
        ``_direction`` of "up" or "down" counts as well.
    is_mean : bool
        Whether that of several parts of the rows is the mean of theirs, by their rows or weights: such a one
        is added up while an epoch goes on, the others are computed of all rows so far. Each class says so for
        itself, since one that is derived from another may compute something else.

    Examples
    --------
    >>> import numpy as np, hotloop as hl
    >>> class LargestError(hl.metrics.Metric):
    ...     direction = "min"
    ...     def __call__(self, y_true, y_pred, sample_weight=None):
    ...         return float(np.abs(np.ravel(y_true) - np.ravel(y_pred)).max())
    >>> LargestError().name, LargestError()([1.0, 2.0], [1.5, 2.25])
    ('largest_error', 0.5)
    """

    direction: str | None = None
    is_mean: bool = False

    def add_weight(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: a metric has no variables, whatever it is called in Keras.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            f"metric {type(self).__name__}: add_weight: a metric has no variables here, it sees the "
            "whole set at once; write __call__(self, y_true, y_pred, sample_weight=None) that returns its "
            "value, or set plain attributes in reset_state, change them in update_state, and return what "
            "they come to from result"
        )

    add_variable = add_weight

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.is_mean = vars(cls).get("is_mean", False)

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Result:
        """Return the metric of the whole set, in double.

        Parameters
        ----------
        y_true, y_pred : array_like
            Targets and predictions, a row each; what shapes go is said at the class. While a model trains
            or is evaluated they are arrays that can't be written to.
        sample_weight : array_like, optional
            One weight a row.

        Raises
        ------
        ValueError
            When shapes do not fit, labels are out of range, or there are no rows.
        """
        require_call(self)
        own: Any = self
        own.reset_state()
        own.update_state(y_true, y_pred, *(() if sample_weight is None else (sample_weight,)))
        result: Result = own.result()
        return result

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; of one that has a state, attributes of other names are that."""
        config = super().get_config()
        if type(self).__call__ is not Metric.__call__:
            return config
        made = [vars(kind)["__init__"] for kind in type(self).__mro__ if "__init__" in vars(kind)]
        known = {name for constructor in made for name in inspect.signature(constructor).parameters}
        return {key: value for key, value in config.items() if key in known}

    def on_logits(self, activation: str) -> Metric | None:
        """Return this metric as it is of what went into an activation, or None where it has no such form."""
        return None

    def for_loss(self, loss: Loss) -> Metric:
        """Return this metric as a model trained with ``loss`` needs it.

        The loss says what predictions are: probabilities, logits or margins, one class a row or several
        labels. What the metric was told explicitly stays. Most metrics return themselves.
        """
        return self

    def for_labels(self, y_true: Array, shape: tuple[int, ...]) -> Metric:
        """Return this metric as a model that is given these labels first needs it, for rows of ``shape``.

        Labels say whether a row has one class or several where the loss and the metric don't, and no later
        set turns that round. Most metrics return themselves.
        """
        return self


def require_call(metric: Metric) -> None:
    """Refuse a metric that has neither ``__call__`` nor the three methods which that stands for.

    Raises
    ------
    TypeError
        Naming them.
    """
    missing = [name for name in STATEFUL if not hasattr(metric, name)]
    if missing and type(metric).__call__ is Metric.__call__:
        expected = "a class with __call__(self, y_true, y_pred, sample_weight=None)"
        mend = f"or write {', '.join(missing)} too" if len(missing) < len(STATEFUL) else ""
        raise errors.bad_type(f"metric {metric.name!r}", expected, metric, mend)


METRICS: Family[Metric] = Family("metric", Metric)


Some = TypeVar("Some", bound=Metric)


def told(metric: Some, **attributes: Any) -> Some:
    """Return a copy of a metric with other attributes; the user's own object stays as it is."""
    other = copy.copy(metric)
    vars(other).update(attributes)
    return other


@METRICS.register_wrapper
class LossMetric(Metric):
    """A loss as a metric: its mean over the rows, weighted so that the weights' scale does not matter.

    Examples
    --------
    >>> LossMetric("huber")([[0.0], [0.0]], [[1.0], [3.0]])
    1.5
    """

    direction = "min"
    is_mean = True

    def __init__(self, loss: Loss | str | dict[str, Any], name: str | None = None) -> None:
        from hotloop import losses

        self._loss = losses.get(loss)
        self.is_mean = not self._loss.is_traced  # a call of the user's may mix rows
        super().__init__(name or self._loss.name)

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        return weighted_mean(self._loss.values(y_true, y_pred), sample_weight, self.name)

    def on_logits(self, activation: str) -> LossMetric | None:
        loss = self._loss.on_logits(activation)
        return None if loss is None else LossMetric(loss, name=self.name)

    def get_config(self) -> dict[str, Any]:
        from hotloop import losses

        return {"loss": losses.serialize(self._loss), "name": self.name}


@METRICS.register_wrapper
class FunctionMetric(Metric):
    """A Python function ``(y_true, y_pred) -> values`` as a metric: the mean of its values, one a row.

    It is tried first: once for the shapes of labels and predictions, and before a training, it is called with
    symbolic tensors, which have no numbers. Where it is written with :mod:`hotloop.ops`, and makes something
    of each row, what it did is computed natively, in float32, on the whole set at once, and what it reads
    counts as it is then. Any other function, such as one of NumPy's, is called with the whole set each time:
    what it raised when it was tried is left aside, but whatever else it did, such as printing, it did once
    more. What a function of :mod:`hotloop.ops` says of its arguments is raised, and where ``(n,)`` meets
    ``(n, 1)``, which makes a table of every row against every row, the metric is refused. Its
    arguments are read-only: what is to change them takes a copy.

    Targets without the last axis of predictions ``(..., 1)`` get it, so that their difference is one number
    a row; in a model class numbers come as ``(n,)``, like the argmax of ``(n, classes)``. It is saved with a
    model when :func:`hotloop.saving.register_serializable` has the function.

    Examples
    --------
    >>> def error(y_true, y_pred):
    ...     return y_pred - y_true
    >>> metric = FunctionMetric(error)
    >>> metric.name, metric([1.0, 2.0], [1.5, 2.5])
    ('error', 0.5)
    """

    def __init__(self, function: Callable[[Array, Array], npt.ArrayLike], name: str | None = None) -> None:
        self._function = function
        self._programs: dict[Any, RowProgram | None] = {}  # by shapes and types
        super().__init__(name or function_name(function))

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which find out anew what the function does."""
        return {**vars(self), "_programs": {}}

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        target, predicted = np.asarray(y_true), np.asarray(y_pred)
        target = like_predictions(target, predicted.shape)
        compute = self.program(target, predicted)
        values = np.asarray(
            call_metric(self.name, self._function, target, predicted)
            if compute is None
            else compute(target, predicted)
        )
        refuse_table(self.name, values, target.shape, predicted.shape)
        if are_rows(values, predicted.shape):
            return weighted_mean(values, sample_weight, self.name)
        if values.size > 1:
            expected = f"one number, or one for each of {len(predicted)} rows"
            mend = "take the mean over the other axes, or over all"
            raise errors.bad_value(f"metric {self.name!r}: result", expected, f"shape {values.shape}", mend)
        return float(values.reshape(()))

    def program(self, target: Array, predicted: Array) -> RowProgram | None:
        """Return what the function does with rows of these shapes as a program, where that is to be used.

        Parameters
        ----------
        target, predicted : ndarray
            A row each, as the function takes them; a model's predictions are float32.

        Raises
        ------
        TypeError, ValueError
            When it would set every row against every row, or a function of hotloop.ops refuses what it gets.
        """
        if predicted.dtype != np.float32 or predicted.ndim < 1 or target.shape[:1] != predicted.shape[:1]:
            return None
        if target.dtype.kind not in "biuf" or predicted.size == 0:
            return None
        key = target.shape[1:], predicted.shape[1:], target.dtype.kind
        if key not in self._programs:
            from hotloop.metrics.traced import (  # which metrics of the package do without
                row_program,
                specs_of,
            )

            self._programs[key] = row_program(self.name, self._function, specs_of(target, predicted))
        return self._programs[key]

    def get_config(self) -> dict[str, Any]:
        """The function's registered name, or the function itself, and the metric's name."""
        return {"function": name_or_itself(self._function), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FunctionMetric:
        function = function_of("metric: function", config["function"])
        return cls(function, config["name"])


def direction_of(metric: Metric) -> str | None:
    """Return which way is better, "min" or "max", or None where the metric does not say.

    Raises
    ------
    ValueError
        When it says something else.

    Examples
    --------
    >>> direction_of(LossMetric("mse")), direction_of(FunctionMetric(max))
    ('min', None)
    """
    said = metric.direction or {"up": "max", "down": "min"}.get(getattr(metric, "_direction", ""))
    if said not in ("min", "max", None):
        raise errors.bad_value(f"metric {metric.name!r}: direction", "'min', 'max' or None", repr(said))
    return said
