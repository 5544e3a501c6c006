"""What nobody could load again is refused when it is saved, with the way out; weights are always saved."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl

L = hl.layers


class MyModel(hl.Sequential):
    pass


class MyLayer(L.Layer):
    def lower(self, graph: Any, inputs: Any, node: Any) -> Any:
        return graph.add("rescale", inputs, {"scale": 2.0, "offset": 0.0})


class MyDense(L.Dense):
    pass


class MyLoss(hl.losses.MeanSquaredError):
    pass


class MyMetric(hl.metrics.MeanAbsoluteError):
    pass


class MyOptimizer(hl.optimizers.SGD):
    pass


class MySchedule(hl.schedules.Constant):
    pass


class MyInitializer(hl.initializers.Zeros):
    pass


class MyRegularizer(hl.regularizers.L2):
    pass


def named_alike() -> type[L.Layer]:
    class Dense(L.Dense):  # its config would load as another class
        pass

    return Dense


def chain(*layers: Any, **options: Any) -> hl.Sequential:
    model = hl.Sequential([hl.Input((3,)), *layers, L.Dense(2, name="last")])
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


CASES: dict[str, Callable[[], hl.Model]] = {
    "MyModel": lambda: MyModel([L.Dense(2, input_shape=(3,))]),
    "MyModel inside": lambda: chain(MyModel([L.Dense(2, input_shape=(3,))])),
    "MyLayer": lambda: chain(MyLayer(name="mine")),
    "MyDense": lambda: chain(MyDense(4, name="mine")),
    "Dense": lambda: chain(named_alike()(4, name="mine")),
    "MyLoss": lambda: chain(loss=MyLoss()),
    "MyLoss in a list": lambda: chain(loss=[MyLoss()]),
    "MyMetric": lambda: chain(metrics=["mae", MyMetric()]),
    "MyMetric by output": lambda: chain(weighted_metrics={"last": [MyMetric()]}),
    "MyLoss as a metric": lambda: chain(metrics=[hl.metrics.get(MyLoss())]),
    "MyOptimizer": lambda: chain(optimizer=MyOptimizer(0.1)),
    "MySchedule": lambda: chain(optimizer=hl.optimizers.SGD(MySchedule(0.1))),
    "MySchedule inside": lambda: chain(
        optimizer=hl.optimizers.SGD(hl.schedules.LinearWarmup(MySchedule(0.1), 3))
    ),
    "MyInitializer": lambda: chain(L.Dense(4, kernel_initializer=MyInitializer(), name="mine")),
    "MyRegularizer": lambda: chain(L.Dense(4, bias_regularizer=MyRegularizer(), name="mine")),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_loaded_is_not_saved(tmp_path: Path, case: str) -> None:
    model = CASES[case]()
    with pytest.raises(TypeError, match=rf"save: \w+ {case.split()[0]}\b.*use save_weights"):
        model.save(tmp_path / "model")
    assert not os.listdir(tmp_path)
    model.save_weights(tmp_path / "weights")
    twin = CASES[case]()
    twin.load_weights(tmp_path / "weights")
    for got, want in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


def test_the_message_says_where(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="initializer MyInitializer of 'mine' is not a class of hotloop's"):
        CASES["MyInitializer"]().save(tmp_path / "model")
    with pytest.raises(TypeError, match="schedule MySchedule in"):
        CASES["MySchedule inside"]().save(tmp_path / "model")


def test_a_quantised_model_of_it_is_not_saved_either(tmp_path: Path) -> None:
    fast = hl.quantize_model(chain(L.Dense(4), metrics=[MyMetric()]), precision="bf16")
    with pytest.raises(TypeError, match="metric MyMetric is not a class"):
        fast.save(tmp_path / "model")
    assert not os.listdir(tmp_path)


def test_all_that_hotloop_has_is_saved(tmp_path: Path) -> None:
    """Every class of every family goes into a file and comes back."""
    initial = [kind() for kind in hl.initializers.CLASSES.values() if kind is not hl.initializers.Identity]
    layers = [L.Dense(4, kernel_initializer=each, kernel_regularizer="l1_l2") for each in initial]
    chain(*layers).save(tmp_path / "initializers")
    hl.load_model(tmp_path / "initializers")
    for name, kind in hl.optimizers.CLASSES.items():
        model = chain(
            optimizer=kind(hl.schedules.LinearWarmup(0.1, 3)), metrics=["mae", hl.metrics.R2Score()]
        )
        model.save(tmp_path / name)
        assert hl.load_model(tmp_path / name).get_compile_config() == model.get_compile_config()


@pytest.mark.parametrize("saves", [{"save_freq": "epoch"}, {"save_freq": 2}, {"save_best_only": True}])
@pytest.mark.parametrize("what", ["layer", "metric", "lambda", "weighted", "of the outputs"])
def test_checkpoints_that_could_not_be_saved_are_refused_before_training(
    tmp_path: Path, what: str, saves: dict[str, Any]
) -> None:
    mine = MyDense(1, input_shape=(2,)) if what == "layer" else L.Dense(1, input_shape=(2,))
    model = hl.Sequential([mine])
    metric = {"metric": MyMetric(), "lambda": lambda y, p: p[:, 0], "of the outputs": {"head": [len]}}
    if what == "of the outputs":
        mine.rename("head")
    weighted = [lambda y, p: p[:, 0]] if what == "weighted" else None
    given = metric.get(what)
    listed = given if given is None or isinstance(given, dict) else [given]
    model.compile("sgd", "mse", metrics=listed, weighted_metrics=weighted)
    x, y = np.ones((8, 2), "f4"), np.ones(8, "f4")
    before = model.get_weights()
    message = r"save: (layer MyDense|metric MyMetric|function (<lambda>|len)).*register_serializable"
    callback = hl.callbacks.ModelCheckpoint(tmp_path / "file", monitor="loss", **saves)
    with pytest.raises(TypeError, match=message) as refused:
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[callback])
    assert "use save_weights" in str(refused.value)
    assert model.optimizer.iterations == 0
    for got, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, want)
    weights = hl.callbacks.ModelCheckpoint(tmp_path / "w", "loss", save_weights_only=True, **saves)
    if what != "of the outputs":
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[weights])
        assert (tmp_path / "w").exists()


def test_checkpoints_leave_a_save_of_the_users_to_them() -> None:
    class Own(hl.Sequential):
        saved = 0

        def save(self, path: Any, **_: Any) -> None:
            self.saved += 1

    model = Own([MyDense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    checkpoint = hl.callbacks.ModelCheckpoint("nowhere")
    model.fit(np.ones((8, 2), "f4"), np.ones(8, "f4"), verbose=0, callbacks=[checkpoint])
    assert model.saved == 1
