"""Files: what is saved comes back to the bit, and nothing else is taken for it."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import hotloop as hl
from hotloop.saving import container


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(90, 6)).astype(np.float32), rng.integers(0, 3, 90)


def small_model(optimizer: Any = "adam", **options: Any) -> hl.Model:
    model = hl.Sequential(
        [
            hl.layers.Dense(8, activation="relu", input_shape=(6,), kernel_regularizer="l2"),
            hl.layers.BatchNormalization(),
            hl.layers.Dropout(0.3),
            hl.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def branched_model() -> hl.Model:
    x, z = hl.Input((6,), name="x"), hl.Input((2, 3), name="z")
    shared = hl.layers.Dense(4, activation=hl.activations.leaky_relu.configured(negative_slope=0.3))
    merged = hl.layers.Concatenate()([shared(x), shared(hl.layers.Flatten()(z))])
    outputs = [hl.layers.Dense(3, name="first")(merged), hl.layers.Dense(1, name="second")(merged)]
    return hl.Model([x, z], outputs, name="branched")


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata())


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, framework="numpy") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def rewrite(
    path: Path, *, resign: bool = True, tensors: dict[str, np.ndarray] | None = None, **changes: str
) -> None:
    """Write the file again with changed metadata, its digest made right unless asked otherwise."""
    metadata = metadata_of(path) | changes
    arrays = tensors_of(path) if tensors is None else tensors
    if resign:
        metadata["sha256"] = container._digest(metadata, arrays)
    save_file(arrays, path, metadata)


def test_load_without_compiling(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    model = small_model("adam")
    model.fit(*data, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model", compile=False)
    assert isinstance(loaded, hl.Model)
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.predict(data[0]), model.predict(data[0]))


def test_save_load_same_predictions_and_compilation(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray]
) -> None:
    model = small_model(
        hl.optimizers.SGD(hl.schedules.ExponentialDecay(0.1, 10, 0.9), momentum=0.9, clipnorm=1.0)
    )
    model.fit(*data, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert type(loaded) is hl.Sequential
    assert loaded.get_config() == model.get_config()
    assert loaded.get_compile_config() == model.get_compile_config()
    assert [w.path for w in loaded.weights] == [w.path for w in model.weights]
    np.testing.assert_array_equal(loaded.predict(data[0]), model.predict(data[0]))
    assert loaded.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: "adam",
        lambda: hl.optimizers.SGD(0.1, momentum=0.9),
        lambda: hl.optimizers.RMSprop(centered=True, momentum=0.5),
        lambda: hl.optimizers.AdamW(hl.schedules.CosineDecay(0.01, 30), amsgrad=True),
    ],
)
def test_save_training_goes_on_to_the_bit(
    tmp_path: Path, data: tuple[np.ndarray, np.ndarray], make: Any
) -> None:
    hl.set_seed(11)
    whole = small_model(make())
    whole.fit(*data, epochs=4, batch_size=16, verbose=0)
    hl.set_seed(11)
    half = small_model(make())
    half.fit(*data, epochs=2, batch_size=16, verbose=0)
    half.save(tmp_path / "model")
    hl.set_seed(999)
    resumed = hl.load_model(tmp_path / "model")
    assert resumed.optimizer.iterations == half.optimizer.iterations
    resumed.fit(*data, epochs=4, initial_epoch=2, batch_size=16, verbose=0)
    for got, want in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


def test_save_functional_and_not_compiled(tmp_path: Path) -> None:
    model = branched_model()
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(5, 6)).astype("f4"), rng.normal(size=(5, 2, 3)).astype("f4")]
    model.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    assert not loaded.compiled
    assert loaded.name == "branched"
    for got, want in zip(loaded.predict(x), model.predict(x), strict=True):
        np.testing.assert_array_equal(got, want)


def test_save_without_optimizer_state(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    model = small_model()
    model.fit(*data, epochs=1, verbose=0)
    model.save(tmp_path / "with")
    model.save(tmp_path / "without", include_optimizer=False)
    assert os.path.getsize(tmp_path / "without") < os.path.getsize(tmp_path / "with")
    loaded = hl.load_model(tmp_path / "without")
    assert loaded.compiled
    assert loaded.optimizer.iterations == 0


def test_save_overwrite_keeps_permissions_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    mask = os.umask(0o027)
    try:
        small_model().save(path)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    small_model().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.listdir(tmp_path) == ["model"]
    with pytest.raises(FileExistsError, match="overwrite"):
        small_model().save(path, overwrite=False)


def test_save_through_a_link_replaces_its_target(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    small_model().save(tmp_path / "folder" / "model")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "model")
    small_model().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    hl.load_model(tmp_path / "link")


def test_save_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    small_model().save(path)
    before = path.read_bytes()

    def full_disk(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(container.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        small_model().save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def test_save_to_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/model'$"):
        small_model().save(tmp_path / "nowhere" / "model")


def test_save_refuses_what_a_file_cannot_say(tmp_path: Path) -> None:
    class Mine(hl.Sequential):
        pass

    with pytest.raises(TypeError, match="Mine"):
        Mine([hl.layers.Dense(2, input_shape=(2,))]).save(tmp_path / "model")
    model = hl.Sequential([hl.layers.Dense(2, input_shape=(2,))])
    model.compile(loss="mse", metrics=[lambda y, p: np.abs(y - p).mean(axis=-1)])
    with pytest.raises(TypeError, match="function"):
        model.save(tmp_path / "model")
    assert not os.listdir(tmp_path)


def test_load_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        hl.load_model(tmp_path / "nothing")
    with pytest.raises(ValueError, match="not a regular file"):
        hl.load_model(tmp_path)


def test_load_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"x", b"not a model at all", b"\xff" * 100, b"PK\x03\x04" + b"\0" * 50):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="file"):
            hl.load_model(path)
    save_file({"a": np.zeros(3, np.float32)}, path)
    with pytest.raises(ValueError, match="not one that hotloop saved"):
        hl.load_model(path)


def test_load_truncated_anywhere(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    model = small_model()
    model.fit(*data, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    for size in [*range(0, len(content), len(content) // 40), len(content) - 1]:
        (tmp_path / "part").write_bytes(content[:size])
        with pytest.raises(ValueError, match="part"):
            hl.load_model(tmp_path / "part")


def test_load_tampered_anywhere(tmp_path: Path) -> None:
    """Every flipped bit is noticed, wherever it is."""
    small_model().save(tmp_path / "model")
    content = bytearray((tmp_path / "model").read_bytes())
    rng = np.random.default_rng(2)
    for place in rng.integers(0, len(content), 150):
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "changed").write_bytes(changed)
        with pytest.raises(ValueError, match="changed"):
            hl.load_model(tmp_path / "changed")


def test_load_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "model"
    small_model().save(path)
    rewrite(path, format_version="2", hotloop_version="9.9.9")
    with pytest.raises(ValueError, match=r"format version 2.*9\.9\.9.*install a newer one"):
        hl.load_model(path)
    rewrite(path, format_version="one")
    with pytest.raises(ValueError, match="no valid format version"):
        hl.load_model(path)


def test_load_unknown_classes_and_bad_configs(tmp_path: Path) -> None:
    path = tmp_path / "model"
    small_model().save(path)
    original = json.loads(metadata_of(path)["config"])

    def refuse(change: Any) -> None:
        config = json.loads(json.dumps(original))
        change(config)
        rewrite(path, config=json.dumps(config))
        with pytest.raises(ValueError, match="model"):
            hl.load_model(path)

    refuse(lambda c: c.update(class_name="Lambda"))
    refuse(lambda c: c.pop("class_name"))
    refuse(lambda c: c.update(config=[]))
    refuse(lambda c: c["config"]["layers"][1].update(class_name="os.system"))
    refuse(lambda c: c["config"]["layers"][1]["config"].update(units=5))
    refuse(lambda c: c["config"]["layers"][1]["config"].update(units="many"))
    refuse(lambda c: c["config"]["layers"][1]["config"].update(surprise=1))
    refuse(lambda c: c.update(weights=c["weights"][:-1]))
    refuse(lambda c: c.update(weights=["elsewhere"]))
    refuse(lambda c: c["compile"]["optimizer"].update(class_name="Evil"))
    refuse(lambda c: c["compile"].update(more=1))
    refuse(lambda c: c["training"].update(iterations="x"))
    refuse(lambda c: c.clear())
    rewrite(path, config="{not json")
    with pytest.raises(ValueError, match="not JSON"):
        hl.load_model(path)
    rewrite(path, config="[]")
    with pytest.raises(ValueError, match="JSON object"):
        hl.load_model(path)
    rewrite(path, kind="weights", config=json.dumps(original))
    with pytest.raises(ValueError, match="load_weights"):
        hl.load_model(path)


def test_load_weights_of_other_types(tmp_path: Path) -> None:
    path = tmp_path / "model"
    small_model().save(path)
    tensors = {name: array.astype(np.float64) for name, array in tensors_of(path).items()}
    rewrite(path, tensors=tensors)
    with pytest.raises(ValueError, match="float64"):
        hl.load_model(path)


def test_file_is_plain_safetensors_without_code(tmp_path: Path) -> None:
    path = tmp_path / "model"
    model = small_model()
    model.save(path)
    metadata = metadata_of(path)
    assert metadata["format_version"] == "1"
    assert len(metadata["sha256"]) == 64
    assert json.loads(metadata["config"])["class_name"] == "Sequential"
    tensors = tensors_of(path)
    for parameter in model.weights:
        np.testing.assert_array_equal(tensors[f"weights/{parameter.path}"], parameter.value)


def test_weights_alone(tmp_path: Path) -> None:
    model, other = small_model(), small_model()
    for source in ("weights", "whole"):
        other.set_weights([np.zeros_like(w) for w in other.get_weights()])
        (model.save_weights if source == "weights" else model.save)(tmp_path / source)
        other.load_weights(tmp_path / source)
        for got, want in zip(other.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(got, want)
    with pytest.raises(ValueError, match="saved model"):
        hl.load_model(tmp_path / "weights")


def test_load_weights_all_or_nothing(tmp_path: Path) -> None:
    model = hl.Sequential([hl.layers.Dense(4, input_shape=(6,)), hl.layers.Dense(2)])
    model.save_weights(tmp_path / "w")
    wider = hl.Sequential([hl.layers.Dense(4, input_shape=(6,)), hl.layers.Dense(3)])
    before = wider.get_weights()
    with pytest.raises(ValueError, match=r"expected shape \(4, 3\).*got \(4, 2\)"):
        wider.load_weights(tmp_path / "w")
    with pytest.raises(ValueError, match="2 weights, got 4"):
        hl.Sequential([hl.layers.Dense(4, input_shape=(6,))]).load_weights(tmp_path / "w")
    for old, now in zip(before, wider.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_pruned_model_saves_and_trains_on(tmp_path: Path, data: tuple[np.ndarray, np.ndarray]) -> None:
    model = small_model()
    model.fit(*data, epochs=2, verbose=0)
    smaller = hl.prune_model(model, 0.5)
    smaller.save(tmp_path / "model")
    loaded = hl.load_model(tmp_path / "model")
    smaller.fit(*data, epochs=1, verbose=0)
    loaded.fit(*data, epochs=1, verbose=0)
    for got, want in zip(loaded.get_weights(), smaller.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
