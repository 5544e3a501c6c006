"""The list that calls the hooks of several callbacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hotloop.callbacks.base import Callback, Logs
from hotloop.callbacks.history import History
from hotloop.core import errors


class CallbackList:
    """Calls the hooks of several callbacks, in order.

    Parameters
    ----------
    callbacks : None, Callback or iterable of Callback
    add_history : bool
        Whether a :class:`History` is added when there is none; it goes last, after those that change the
        logs.
    model : Model, optional
    **params
        What the callbacks get as ``params``.

    Attributes
    ----------
    history : History or None
    per_batch : bool
        Whether one of them has training batch hooks.
    per_test_batch, per_predict_batch : bool
        Whether one of them has those of ``evaluate``, of ``predict``.
    stop_on_nan : bool
        Whether one of them ends training at a loss that is not finite.

    Raises
    ------
    TypeError
        When one of them is no callback.

    Examples
    --------
    >>> import hotloop as hl
    >>> callbacks = CallbackList([hl.callbacks.TerminateOnNaN()], add_history=True, epochs=3)
    >>> callbacks.per_batch, callbacks.stop_on_nan, callbacks.history is not None
    (False, True, True)
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        add_history: bool = False,
        *,
        model: Any = None,
        **params: Any,
    ) -> None:
        if callbacks is not None and not isinstance(callbacks, Iterable | Callback):
            raise errors.bad_type("callbacks", "a list of hl.callbacks.Callback objects", callbacks)
        given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or [])
        for callback in given:
            if not isinstance(callback, Callback):
                raise errors.bad_type("callbacks", "hl.callbacks.Callback objects", callback)
        self.history = next((each for each in given if isinstance(each, History)), None)
        if add_history and self.history is None:
            self.history = History()
            given.append(self.history)
        given.sort(key=lambda callback: callback.goes_last)
        self.callbacks = given
        self.per_batch = any(callback.per_batch for callback in given)
        self.per_test_batch = any(callback.overrides("test") for callback in given)
        self.per_predict_batch = any(callback.overrides("predict") for callback in given)
        self.stop_on_nan = any(callback.stop_on_nan for callback in given)
        self.tell(model, **params)

    def tell(self, model: Any, **params: Any) -> None:
        """Tell all callbacks the model, and what they get as ``params``."""
        for callback in self.callbacks:
            if model is not None:
                callback.set_model(model)
            callback.set_params(params)
            callback.beside = self.callbacks

    def _call(self, hook: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*arguments)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_predict_batch_end", batch, logs)
