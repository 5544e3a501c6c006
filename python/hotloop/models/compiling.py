"""How a model is told what to learn by, and where: thin methods over its trainer, with what they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotloop.device import backend, named
from hotloop.models.structure import Structure

if TYPE_CHECKING:
    from hotloop.optimizers import Optimizer
    from hotloop.training.compile_spec import CompileSpec


class Compiling(Structure):
    """``compile``, and what it was told.

    Attributes
    ----------
    allow_nonfinite : bool
        Whether NaN and infinity may come in.
    """

    allow_nonfinite: bool

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
        loss : str, Loss, function, or a list or dict of them for several outputs
            See :mod:`hotloop.losses`. A single one is that of all outputs. A cross-entropy behind its softmax
            or sigmoid is computed together with it. A function ``(y_true, y_pred)`` is written with
            :mod:`hotloop.ops` and called once, as is the ``call`` of a loss of your own, when the model first
            trains or evaluates: attributes that change later count from the next ``compile`` on; see
            :class:`hotloop.losses.FunctionLoss`. The first ``fit``, ``evaluate`` or ``train_on_batch`` warns
            (UserWarning) where an output is not what its loss is made for.
        loss_weights : list or dict of float, optional
            How much the loss of each output counts.
        metrics, weighted_metrics : list, optional
            See :mod:`hotloop.metrics`; "accuracy" means the one that fits the loss. Only the latter see
            sample and class weights. For several outputs a list of lists, or a dict. A function ``(y_true,
            y_pred)``, of NumPy's too, and a metric of your own are called once with symbolic tensors before
            anything is trained; see :class:`hotloop.metrics.FunctionMetric`.
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
        from hotloop.training.compile_spec import CompileSpec

        where = None if device is None else backend(device)
        spec = CompileSpec(
            optimizer, loss, loss_weights, metrics, weighted_metrics, allow_nonfinite, precision
        )
        self._trainer.compile(spec, where)
        self.allow_nonfinite = spec.allow_nonfinite

    @property
    def compile_spec(self) -> CompileSpec | None:
        """What ``compile`` was told, in one piece; None before it was called."""
        return self._trainer.state.spec

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self.compile_spec is not None

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer that ``compile`` was given, or its twin where that is another model's."""
        return self._trainer.state.optimizer

    @property
    def loss(self) -> Any:
        """The loss as ``compile`` was given it; a function as the loss that it became."""
        return self._trainer.state.compiled.loss

    @property
    def seed(self) -> int:
        """Where shuffling and dropout draw from; follows :func:`hotloop.set_seed`, and may be set."""
        return self._trainer.state.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._trainer.state.seed = seed

    @property
    def device(self) -> str:
        """Where the model computes: "cpu" or "cuda". Setting it moves weights and the optimizer's state.

        Models that share a layer are on the same device. Where a move fails, all stays as it was.
        """
        return self._network.where.name

    @device.setter
    def device(self, name: str) -> None:
        self._trainer.move(named(name))

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of ``compile`` as JSON values, or None before it."""
        return None if self.compile_spec is None else self.compile_spec.get_config()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with what :meth:`get_compile_config` returned; the optimizer's state is new."""
        from hotloop.optimizers.exclusions import with_paths

        paths = [p.path for p in self._network.weights] if self._network.built else []
        self.compile(**{**config, "optimizer": with_paths(config["optimizer"], paths)})
