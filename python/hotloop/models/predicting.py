"""What a model does with data to predict: thin methods over its predictor, with what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.feed.arrays import Array, Predicted
from hotloop.models.late import calls
from hotloop.models.structure import Structure

if TYPE_CHECKING:
    from hotloop.callbacks import Callback
    from hotloop.training.predictor import Predictor


class Predicting(Structure):
    """``predict`` and its kin.

    Attributes
    ----------
    _predictor : Predictor
        What it predicts with.
    """

    _predictor: Predictor
    allow_nonfinite: bool

    @property
    def feature_names(self) -> Any:
        """The names of the columns that inputs have, by which those of frames are put in order.

        Those of the first frame that ``fit`` or ``train_on_batch`` saw; None before. A list for several
        inputs. May be set, where columns were renamed.
        """
        return self._predictor.feature_names

    @feature_names.setter
    def feature_names(self, names: Any) -> None:
        self._predictor.feature_names = names

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Predicted:
        """Return the outputs for all rows.

        Parameters
        ----------
        x : array_like, or a list or dict of them
        batch_size : int, optional
            32, of callbacks' batches and of ``steps``; no result depends on it. Where a layer mixes rows,
            by a mean over the batch, all rows are one batch, of which callbacks are told.
        verbose
            As in Keras; predicting is silent.
        steps : int, optional
            Only so many batches.
        callbacks : list of Callback, optional
            Their ``on_predict_*`` hooks are called.

        Returns
        -------
        ndarray of float32, or a list of them for several outputs, or a dict where the model has one
            Shape (rows, *output shape). CuPy's where an input is, else NumPy's.

        Raises
        ------
        ValueError, TypeError
            For another shape, no rows, no numbers, or NaN and infinity (see ``allow_nonfinite`` of
            ``compile``).
        RuntimeError
            When a kernel failed on the GPU, naming the ops. Results of CuPy's are not waited for: there a
            fault shows when something next waits for the GPU.
        """
        if batch_size is None and steps is None and not callbacks:
            return self.predict_on_batch(x)
        passing = calls().Passing(self, batch_size, verbose, steps, callbacks, self.allow_nonfinite)
        return calls().predict(self._predictor, x, passing)

    def predict_on_batch(self, x: Any) -> Predicted:
        """Return the outputs for these rows: :meth:`predict` by Keras's other name."""
        program = self._predictor.program
        if program is None or program.version != program.store.version:
            self._network.build_for(x)
            program = self._predictor.current()
        if program.run_rows is not None:
            result = program.run_rows(x, self.allow_nonfinite)
            if result is not None:
                return result
        return self._predictor.outputs(x, self.allow_nonfinite)

    def input_arrays(self, x: Any, allow_nonfinite: bool) -> list[Array]:
        """Return the inputs as programs read them: (rows, features), float32 or uint8."""
        return self._predictor.input_arrays(x, allow_nonfinite)
