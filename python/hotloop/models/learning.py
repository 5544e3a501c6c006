"""What a model does with data to learn from: thin methods over its trainer, with what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.feed.arrays import Floats
from hotloop.models.compiling import Compiling
from hotloop.models.late import calls, fitting

if TYPE_CHECKING:
    from hotloop.callbacks import Callback, History


class Learning(Compiling):
    """``fit``, ``evaluate`` and their kin, and where training stands."""

    @property
    def resume_epoch(self) -> int:
        """The ``initial_epoch`` that goes on where training stopped; 0 at first and once weights are set."""
        return self._trainer.state.resume_epoch

    @property
    def stop_training(self) -> bool:
        """Whether the ``fit`` in progress ends after this epoch (or step); for callbacks to set."""
        return self._trainer.state.stop_training

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        self._trainer.state.stop_training = stop

    @property
    def history(self) -> History | None:
        """What the last ``fit`` returned, or the one in progress will."""
        return self._trainer.history

    @history.setter
    def history(self, history: History | None) -> None:
        self._trainer.history = history

    @property
    def gradients(self) -> Floats:
        """The gradients of the last training step, laid out like ``store.values``, where those are; see
        ``Parameter.of``."""
        if self._trainer.program is None:
            raise ValueError(f"model {self._network.name!r} was not trained yet; it has no gradients")
        return self._trainer.program.gradients

    @property
    def metrics_names(self) -> list[str]:
        """What ``evaluate`` returns, in order."""
        from hotloop.training.heads import log_directions

        return list(log_directions(self._trainer.heads or [], len(self._network.output_names) > 1))

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int | None = None,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        allow_nonfinite: bool | None = None,
    ) -> History:
        """Train.

        An epoch is one native call, without Python in between, unless a callback has hooks for every batch.
        Ctrl-C leaves the model as the last finished step left it.

        Without ``initial_epoch`` a training begins anew, with epoch 0 and a pass over the rows. One that was
        interrupted, or saved at any step and loaded in whatever process, goes on with
        ``initial_epoch=model.resume_epoch``, to the bits of weights and history that it would have come to
        without a pause: in the middle of an epoch, if need be, and of a pass over the rows. The same data,
        ``batch_size``, ``shuffle`` and ``steps_per_epoch`` have to be given again; a new pass begins where
        ``initial_epoch``, the number of rows, ``batch_size`` or ``shuffle`` is another one, and where
        ``compile``, ``set_weights`` or ``load_weights`` was called since. With another ``steps_per_epoch``
        the pass goes on with a new epoch. A warning says so where that epoch had been begun.

        Parameters
        ----------
        x : array_like, or a list or dict of them
            Rows of samples; float32 and uint8 are read where they lie, others become float32. For a model on
            a GPU they are copied there once a call, or, where they don't fit, chunk by chunk while it trains.
            Array-like are arrays of any library, frames of pandas, polars and Arrow, and lists of numbers or
            arrays; generators, data sets and loaders are refused. The names of a frame's columns are
            remembered (``feature_names``): later frames' columns are put in their order.
        y : array_like, or a list or dict of them
            Class numbers, one-hot rows or numbers, as the loss wants them.
        batch_size : int, optional
            32; all rows with full-batch gradient descent. The last batch may be short.
        epochs : int
            The number of the last epoch; with ``initial_epoch`` fewer are trained.
        verbose : {"auto", 0, 1, 2}
            0 silent, 1 a bar, 2 a line an epoch; "auto" is 1 on a terminal or in a notebook, else 2.
        callbacks : list of Callback, optional
        validation_split : float
            In [0, 1): the last part of the rows is not trained on but evaluated after each epoch. A warning
            names classes that only the rows to validate on have.
        validation_data : (x, y) or (x, y, sample_weight), optional
            Goes before ``validation_split``.
        shuffle : bool
            Whether every epoch takes the rows in another order, which depends on the seed and the step alone.
        class_weight : dict of int to float, optional
            Weight of each class; one that is not named weighs 1. For labels of one class a row: class
            numbers or one-hot rows. Several labels a row, and numbers that are no classes, take
            ``sample_weight``.
        sample_weight : array_like, or a list or dict of them, optional
            How much the loss of each row counts: shape (rows,); or of each position, (rows, t) for an output
            of shape (rows, t, n). One for all outputs that have a loss, or one for each, where None stands
            for ones. Negative ones turn the loss round, as in Keras.
        initial_epoch : int, optional
            The first epoch to train, counted from 0; where it is that of ``resume_epoch`` training goes on
            there. By default 0, and all begins anew.
        steps_per_epoch : int, optional
            How many batches make an epoch; the next epoch goes on in the pass where this one stopped. By
            default an epoch is a pass over the rows.
        validation_steps : int, optional
            Evaluate on only so many batches of the validation data.
        validation_batch_size : int, optional
            As ``batch_size`` if not given; ``validation_steps`` depends on it, and a loss of the batch.
        validation_freq : int or list of int
            Evaluate every so many epochs, or after those epochs (counted from 1).
        allow_nonfinite : bool, optional
            Overrides that of ``compile``.

        Returns
        -------
        History
            ``history`` has a list for each key of the logs: the mean loss of the epoch's samples,
            regularisation included, and the metrics over the predictions made while training.

        Raises
        ------
        ValueError, TypeError
            For data or arguments that do not fit; nothing is changed then.

        Examples
        --------
        >>> import numpy as np, hotloop as hl
        >>> x = np.linspace(-1, 1, 64, dtype=np.float32)
        >>> model = hl.Sequential([hl.layers.Dense(1, input_shape=(1,))])
        >>> model.compile(hl.optimizers.SGD(0.5), loss="mse")
        >>> history = model.fit(x, 3 * x + 1, epochs=20, verbose=0)
        >>> history.history["loss"][-1] < 1e-3
        True
        """
        allow = self.allow_nonfinite if allow_nonfinite is None else bool(allow_nonfinite)
        request = fitting().FitRequest(
            model=self,
            x=x,
            y=y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            allow_nonfinite=allow,
        )
        history: History = fitting().fit(self._trainer, request)
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics over all given rows, as the model predicts (no dropout).

        Parameters
        ----------
        x, y, sample_weight
            As for :meth:`fit`.
        batch_size : int, optional
            32, of callbacks' batches and of ``steps``. No result depends on it but the loss where that is one
            of the batch, such as a sum: of that it is the mean over the batches, by their rows, as in Keras.
            Where a layer mixes rows, by a mean over the batch, all rows are one batch, of which callbacks are
            told.
        verbose : {"auto", 0, 1, 2}
            0 silent; others write one line.
        steps : int, optional
            Only so many batches.
        callbacks : list of Callback, optional
            Their ``on_test_*`` hooks are called.
        return_dict : bool

        Returns
        -------
        float, list of float, or dict
            The loss alone without metrics; else a list, in the order of ``metrics_names``, or a dict. With
            several outputs Keras's order: the loss, each output's own, and the metrics sorted by their names.
        """
        passing = calls().Passing(self, batch_size, verbose, steps, callbacks, self.allow_nonfinite)
        logs = calls().evaluate(self._trainer, x, y, sample_weight, passing)
        return logs if return_dict else _listed(logs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one step on these rows; return loss and metrics as :meth:`evaluate` does, before the step.

        Raises
        ------
        ValueError, TypeError
            As :meth:`fit`.
        """
        allow = self.allow_nonfinite
        logs = calls().train_on_batch(self._trainer, x, y, sample_weight, class_weight, allow)
        return logs if return_dict else _listed(logs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return loss and metrics of these rows, without a step; the same as :meth:`evaluate`."""
        return self.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=return_dict)


def _listed(logs: dict[str, Any]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
