"""``compile``, ``fit``, ``evaluate`` and ``predict``, as a base of :class:`~hotloop.Model`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hotloop.device import backend
from hotloop.feed.arrays import Floats, Predicted
from hotloop.optimizers.exclusions import with_paths
from hotloop.training.compile_spec import CompileSpec
from hotloop.training.heads import log_directions
from hotloop.training.programs import ProgramOwner

if TYPE_CHECKING:
    from hotloop.callbacks import Callback, History
    from hotloop.optimizers import Optimizer


class Trainer(ProgramOwner):
    """What a model does with data."""

    # -- compile

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        allow_nonfinite: bool = False,
        precision: str = "float32",
        device: str | None = None,
    ) -> None:
        """Say how the model learns, and where it computes.

        Parameters
        ----------
        optimizer : str or Optimizer
            See :mod:`hotloop.optimizers`. Its state starts anew unless the same object comes again, whose
            numbers count as they are now; an object that another model learns with stays that model's, and
            this one gets its twin.
        loss : str, Loss, or a list or dict of them for several outputs
            See :mod:`hotloop.losses`. A single one is that of all outputs. A cross-entropy behind its softmax
            or sigmoid is computed together with it. The first ``fit``, ``evaluate`` or ``train_on_batch``
            warns (UserWarning) where an output is not what its loss is made for.
        loss_weights : list or dict of float, optional
            How much the loss of each output counts.
        metrics, weighted_metrics : list, optional
            See :mod:`hotloop.metrics`; "accuracy" means the one that fits the loss. Only the latter see
            sample and class weights. For several outputs a list of lists, or a dict.
        allow_nonfinite : bool
            Take NaN and infinity in the data instead of refusing them.
        precision : {"float32", "tf32", "mixed_bfloat16"}
            What training computes the products of Dense layers in. "mixed_bfloat16" rounds their operands to
            bfloat16 and sums in float32; weights, gradients, the optimizer's state, losses and all other
            layers stay float32, and no loss scaling is needed. Layers with fewer than 64 inputs or units, and
            CPUs without fast bfloat16 units, compute in float32. "tf32" rounds the operands to TF32's 10 bits
            behind the point, on a GPU; on the CPU it is "float32". ``evaluate`` and ``predict`` compute in
            float32.
            "float32" gives the same bits on every CPU and GPU. The others' bits depend on the CPU's unit or
            the kind of GPU, but there they are the same from run to run, and with any number of threads.
        device : {"cpu", "cuda"}, optional
            Where the model computes: its weights move there. By default it stays on the device that it was
            told before, if any; else it is what :func:`hotloop.set_device` said. Data may come from NumPy on
            either; CuPy's arrays, and others' on the GPU, are for "cuda".

        Raises
        ------
        ValueError
            For unknown names; the nearest known one is given.
        RuntimeError
            When the device can't be used, saying why.
        MemoryError
            When the weights don't fit there.

        Examples
        --------
        >>> import hotloop as hl
        >>> model = hl.Sequential([hl.layers.Dense(1, input_shape=(3,))])
        >>> model.compile("sgd", loss="mean_squared_error", metrics=["mae"])
        """
        told = None if device is None else backend(device)
        spec = CompileSpec(
            optimizer, loss, loss_weights, metrics, weighted_metrics, allow_nonfinite, precision
        )
        if self.built and loss is not None:
            spec.outputs_with_loss(self.output_names)
        with self._lock:
            named = told or self._named_device()
            where = named or backend()
            if self.built:
                self.store.move(where, named=named is not None)
            self._where, self._named = where, named
            before = None if self.compile_spec is None else self.compile_spec.optimizer
            spec.optimizer = spec.optimizer.for_model(self, before)
            self.compile_spec = spec
            self.allow_nonfinite = self.compile_spec.allow_nonfinite
            self._told_of_nonfinite = self._told_of_unseen = False
            self._heads = self._training = self._batch_step = self._prediction = None
            self._slots = self._position = None

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self.compile_spec is not None

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer that ``compile`` was given, or its twin where that is another model's."""
        return self._compiled.optimizer

    @property
    def loss(self) -> Any:
        """The loss as ``compile`` was given it."""
        return self._compiled.loss

    @property
    def resume_epoch(self) -> int:
        """The ``initial_epoch`` that goes on where training stopped; 0 at first and once weights are set."""
        place = self._standing or self._kept_position
        return 0 if place is None else place.epoch

    @property
    def gradients(self) -> Floats:
        """The gradients of the last training step, laid out like ``store.values``, where those are; see
        ``Parameter.of``."""
        if self._training is None:
            raise ValueError(f"model {self.name!r} was not trained yet; it has no gradients")
        return self._training.gradients

    @property
    def metrics_names(self) -> list[str]:
        """What ``evaluate`` returns, in order."""
        return list(log_directions(self._heads or [], len(self.output_names) > 1))

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of ``compile`` as JSON values, or None before it."""
        return None if self.compile_spec is None else self.compile_spec.get_config()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with what :meth:`get_compile_config` returned; the optimizer's state is new."""
        paths = [p.path for p in self.weights] if self.built else []
        self.compile(**{**config, "optimizer": with_paths(config["optimizer"], paths)})

    # -- data in

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
            As ``batch_size`` if not given; only ``validation_steps`` depends on it.
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
        from hotloop.training.loops import FitArguments, fit

        arguments = FitArguments(
            batch_size,
            epochs,
            verbose,
            callbacks,
            shuffle,
            initial_epoch,
            steps_per_epoch,
            validation_steps,
            validation_batch_size,
            validation_freq,
        )
        allow = self.allow_nonfinite if allow_nonfinite is None else bool(allow_nonfinite)
        return fit(
            self, x, y, sample_weight, class_weight, validation_split, validation_data, allow, arguments
        )

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
            32, of callbacks' batches and of ``steps``; no result depends on it.
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
        from hotloop.training.loops import evaluate

        logs = evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks)
        return logs if return_dict else _listed(logs)

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
            32, of callbacks' batches and of ``steps``; no result depends on it.
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
        from hotloop.training.loops import predict

        return predict(self, x, batch_size, verbose, steps, callbacks)

    def predict_on_batch(self, x: Any) -> Predicted:
        """Return the outputs for these rows: :meth:`predict` by Keras's other name."""
        program = self._prediction
        if program is None or program.version != program.store.version:
            self._build_for(x)
            program = self.prediction_program()
        if program.run_rows is not None:
            result = program.run_rows(x, self.allow_nonfinite)
            if result is not None:
                return result if self._output_keys is None else self._structured([result])
        return self.shaped(program.run(self.input_arrays(x, self.allow_nonfinite)))

    def shaped(self, outputs: list[Floats]) -> Any:
        """Return what programs make, (rows, features) for each output, as :meth:`predict` does."""
        tensors = self.graph.outputs
        return self._structured(
            [out.reshape(-1, *tensor.sample_shape) for out, tensor in zip(outputs, tensors, strict=True)]
        )

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
        from hotloop.training.loops import train_on_batch

        logs = train_on_batch(self, x, y, sample_weight, class_weight)
        return logs if return_dict else _listed(logs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return loss and metrics of these rows, without a step; the same as :meth:`evaluate`."""
        return self.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=return_dict)


def _listed(logs: dict[str, Any]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
