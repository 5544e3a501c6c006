"""What all losses have in common."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hotloop.core.derived import Derived
from hotloop.core.errors import bad_type, bad_value, unknown_name
from hotloop.core.naming import snake_case
from hotloop.core.registry import Family
from hotloop.core.serialization import Configurable
from hotloop.graph.operand import FUNCTIONS, SymbolicOperand
from hotloop.losses.rows import Doubles, align, row_weights

EPSILON = 1e-7  # Keras's backend epsilon
MEAN = "sum_over_batch_size"
REDUCTIONS = (MEAN, "mean", "sum", "mean_with_sample_weight", "none")


class Loss(Derived, Configurable):
    """Base class of the losses.

    A subclass of your own has a method ``call(y_true, y_pred)``, written with :mod:`hotloop.ops`; see
    :class:`FunctionLoss` for what it may return. Its attributes count as they are: called on arrays at each
    call, by a model when that first trains or evaluates after ``compile``, until the next ``compile``.

    Parameters
    ----------
    reduction : str or None
        What becomes of the rows' losses, each times its sample weight: their mean ("sum_over_batch_size", or
        "mean"), their "sum", their sum by that of the weights ("mean_with_sample_weight"), or None ("none"),
        which leaves them as they are. Training takes the mean or the sum, over each batch.
    name : str, optional
    dtype : {"float32"}, optional
        For Keras's sake: all losses compute in it.

    Attributes
    ----------
    name : str
    reduction : str or None
    native : str
        The kernel's name for it; empty for a loss that is written as ``call``.
    is_traced : bool
        Whether it is, and becomes ops of the model.
    targets : {"dense", "sparse"}
        Whether targets have the predictions' shape or are class numbers.
    answers : {"values", "each", "one"}
        What predictions are: numbers as such; a yes or no in each column, so that a row may have several
        labels; or one class of all columns. Metrics and class weights ask for it.
    activation : str
        What makes the probabilities that a cross-entropy takes: "softmax", "sigmoid"; empty for other losses.
    options : dict
        ``from_logits``, ``label_smoothing`` and ``delta`` for the kernel.

    Examples
    --------
    >>> import hotloop as hl
    >>> loss = hl.losses.get("mse")
    >>> loss.values([[0.0], [0.0]], [[1.0], [3.0]]), loss([[0.0], [0.0]], [[1.0], [3.0]])
    (array([1., 9.]), 5.0)

    A loss of one's own:

    >>> class Quantile(hl.losses.Loss):
    ...     def __init__(self, q=0.9, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.q = q
    ...     def call(self, y_true, y_pred):
    ...         error = y_true - y_pred
    ...         return hl.ops.maximum(self.q * error, (self.q - 1) * error)
    >>> Quantile(0.75)([[0.0], [4.0]], [[4.0], [0.0]])
    2.0
    """

    _kind = "loss"
    _tells_arguments = True
    _has_state = True
    _made_at_first: ClassVar[dict[str, type]] = {"options": dict, "name": object, "reduction": object}
    native = ""
    targets = "dense"
    answers = "values"
    activation = ""
    is_traced = False

    def __init__(
        self, name: str | None = None, reduction: str | None = MEAN, dtype: str | None = None
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise bad_type(f"{type(self).__name__}: name", "a string", name)
        if name in REDUCTIONS:
            raise bad_value(f"{type(self).__name__}: name", "a name", repr(name), f"write reduction={name!r}")
        if dtype not in (None, "float32"):
            raise bad_value(f"{type(self).__name__}: dtype", "'float32', as all losses are", repr(dtype))
        if reduction not in (None, *REDUCTIONS):
            raise unknown_name("reduction", reduction, REDUCTIONS)
        self.options: dict[str, Any] = {"from_logits": False, "label_smoothing": 0.0, "delta": 1.0}
        self.name = name or self.native or snake_case(type(self).__name__)
        self.reduction = None if reduction == "none" else reduction

    @property
    def threshold(self) -> float:
        """Above it a single prediction means yes: 0.5 for probabilities, 0 for logits and margins."""
        return 0.0 if self.options["from_logits"] else 0.5

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.is_traced = cls.call is not Loss.call  # which every step asks

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the losses of a batch; for a subclass to write, with :mod:`hotloop.ops`.

        Called once for a model, with symbolic tensors.
        """
        if self.native:
            kind = next(base.__name__ for base in type(self).__mro__ if "native" in vars(base))
            raise TypeError(
                f"loss {self.name!r}: call of {kind}: it is a kernel, and no part of another loss; write its "
                "formula with hotloop.ops, such as mean(square(y_true - y_pred), axis=-1)"
            )
        raise NotImplementedError(f"{type(self).__name__}: expected call(self, y_true, y_pred) to be written")

    def prepare(self, y_true: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the targets that the formula takes; the hinges make -1 of a label of 0."""
        return y_true

    def rows(self, y_true: npt.NDArray[Any], y_pred: Doubles) -> Doubles:
        """Return the loss of each row in double. Shapes fit, and targets are prepared."""
        raise NotImplementedError

    def values(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Doubles:
        """Return the loss of each row.

        Parameters
        ----------
        y_true, y_pred : array_like
            As :func:`align` takes them.

        Returns
        -------
        ndarray of float64
            The predictions' shape without the last axis; what ``call`` makes where that is written, in
            float32, and what is the same for all rows once a row.
        """
        return self._judge(y_true, y_pred)[0]

    def _judge(self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> tuple[Doubles, bool]:
        """Return the loss of each row, and whether that is one number for all of them."""
        if self.is_traced:
            from hotloop.losses.traced import compute  # which kernels do without

            return compute(self, y_true, y_pred)
        target, predicted = align(y_true, y_pred, self.name, self.targets == "sparse")
        return self.rows(self.prepare(target), predicted), False

    def __call__(
        self, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Any:
        """Return the rows' losses times their sample weights, reduced: a float, or an array for None.

        Keras's formula, ``reduce_weighted_values`` of ``keras/src/losses/loss.py``. One number for all rows
        is none of each row: it is reduced as it is, and there is one for each weight where some are given.

        One that is written as ``call`` may be a part of another: of symbolic tensors it makes one.

        Raises
        ------
        ValueError
            When shapes do not fit or a class is out of range.
        TypeError
            For symbolic tensors where the loss is a kernel.

        Examples
        --------
        >>> import hotloop as hl
        >>> y, p, weights = [[0.0], [0.0]], [[1.0], [3.0]], [1.0, 2.0]
        >>> for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight", None):
        ...     print(hl.losses.MeanSquaredError(reduction=reduction)(y, p, weights))
        9.5
        19.0
        6.333333333333333
        [ 1. 18.]
        """
        if isinstance(y_pred, SymbolicOperand):
            return self._of_tensors(y_true, y_pred, sample_weight)
        values, is_one = self._judge(y_true, y_pred)
        rows = values.shape[:1]
        if is_one:
            values = values[0]
        weights = row_weights(sample_weight, values.shape or rows, self.name)
        weighted = values if weights is None else values * weights
        if self.reduction is None:
            return weighted if weighted.ndim else float(weighted)
        if self.reduction == "sum":
            return float(np.sum(weighted))
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            total = float(np.sum(weights))
            return float(np.sum(weighted)) / total if total else 0.0
        return float(np.mean(weighted))

    def _of_tensors(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Return a part of another loss, as a tensor."""
        what = f"loss {self.name!r}"
        if not self.is_traced:
            mend = "its kernel is no part of another loss; write its formula with hotloop.ops"
            raise bad_type(f"{what}: y_pred", "an array", y_pred, mend)
        if sample_weight is not None:
            raise bad_type(f"{what}: sample_weight", "None beside symbolic tensors", sample_weight)
        values = self.call(y_true, y_pred)
        if self.reduction is None:
            return values
        return FUNCTIONS["sum" if self.reduction == "sum" else "mean"](values)

    def on_logits(self, activation: str) -> Loss | None:
        """Return this loss as it is of what went into an activation, or None where it has no such form.

        A cross-entropy of the logits is exact where that of probabilities, rounded and clipped, is not.

        Examples
        --------
        >>> import hotloop as hl
        >>> loss = hl.losses.BinaryCrossentropy()
        >>> loss([1], [[0.0]]), loss.on_logits("sigmoid")([1], [[-60.0]]), loss.on_logits("softmax")
        (16.11809565095832, 60.0, None)
        """
        fits = self.activation and self.activation == activation and not self.options["from_logits"]
        if self.is_traced or not fits:
            return None
        made = copy.copy(self)
        made.options = {**self.options, "from_logits": True}
        return made

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the reduction only where it is not the usual one."""
        return {"name": self.name} | ({} if self.reduction == MEAN else {"reduction": self.reduction})


class KernelLoss(Loss):
    """Base class of the losses that are kernels, whose arguments are named."""

    def __init__(self, *, reduction: str | None = MEAN, name: str | None = None) -> None:
        super().__init__(name, reduction)


LOSSES: Family[Loss] = Family("loss", Loss)
