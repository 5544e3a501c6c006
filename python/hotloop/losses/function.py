"""Python functions as losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hotloop.core.custom_objects import function_of, name_or_itself
from hotloop.core.errors import bad_type
from hotloop.core.naming import function_name
from hotloop.losses.base import LOSSES, MEAN, Loss


@LOSSES.register_wrapper
class FunctionLoss(Loss):
    """A Python function ``(y_true, y_pred)`` as a loss, written with :mod:`hotloop.ops`.

    ``compile(loss=function)`` makes one. The function is called once for a model, with symbolic tensors, and
    what it did becomes ops, with their gradients: no Python runs while the model trains, and whatever else
    the function does, such as counting its calls, happens once, and what it reads counts as it is then until
    the next ``compile``. Both arguments are float32 with the batch in
    front; labels without the last axis of predictions ``(..., 1)`` get it.

    It returns a tensor of losses, and their mean counts: one a row ``(n,)``, one a position ``(n, ...)``, or
    one a number of the predictions. Where rows are mixed, as in ``mean(y_pred, axis=0)``, or one number
    returned for all of them, it is a loss of the batch: training takes that of each batch, and ``evaluate``
    goes by its ``batch_size``, as Keras does; as a metric it is of all rows. Such a number is no sum of rows:
    reductions leave it as it is, and sample weights multiply it by their mean; with the reduction "sum" a
    call multiplies it by their sum, as Keras does, and training takes none.

    Parameters
    ----------
    function : callable
    reduction : str or None
        As for :class:`Loss`.
    name : str, optional
        The function's by default.
    **arguments
        Handed to the function too.

    Raises
    ------
    TypeError, ValueError
        When it is called: where the function looks at numbers (``if y_pred > 0``), uses NumPy on a tensor,
        keeps a tensor from another call, or returns something else than a float32 tensor that depends on
        ``y_pred``; and where shapes meet that would set every row against every row.

    Examples
    --------
    >>> import hotloop as hl
    >>> def focal(y_true, y_pred, gamma=2.0):
    ...     p = hl.ops.clip(hl.ops.where(y_true > 0.5, y_pred, 1 - y_pred), 1e-7, 1.0)
    ...     return hl.ops.mean(-hl.ops.power(1 - p, gamma) * hl.ops.log(p), axis=-1)
    >>> loss = hl.losses.FunctionLoss(focal, gamma=1.0)
    >>> loss.name, round(loss([[1.0], [0.0]], [[0.5], [0.5]]), 6)
    ('focal', 0.346574)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        reduction: str | None = MEAN,
        name: str | None = None,
        **arguments: Any,
    ) -> None:
        if not callable(function) or isinstance(function, type):
            raise bad_type("FunctionLoss: function", "a function of y_true and y_pred", function)
        super().__init__(reduction=reduction, name=name or function_name(function))
        self.function = function
        self.arguments = arguments

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Call the function."""
        return self.function(y_true, y_pred, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with the function's registered name, or the function itself."""
        return super().get_config() | {"function": name_or_itself(self.function), **self.arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FunctionLoss:
        """Make a loss from what :meth:`get_config` returned; its function is found by its name."""
        return cls(**{**config, "function": function_of("loss: function", config["function"])})
