"""Files changed at random: each loads or is refused by a clear error, in little time and memory."""

import contextlib
import copy
import json
import random
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.core.files import replace_file
from hotloop.saving import container

ROUNDS = 250
X = np.random.default_rng(1).normal(size=(20, 6)).astype("f4")
JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    3,
    2**31 - 1,
    2**31,
    2**63,
    10**30,
    0.5,
    -1e300,
    "",
    "relu",
    "dense",
    "x" * 5000,
    [],
    [[]],
    {},
    {"class_name": "Dense", "config": {}},
    {"class_name": "Orthogonal", "config": {"gain": 1e30}},
    [2**31 - 1, 2**31 - 1],
    list(range(1000)),
]


def trained() -> hl.Sequential:
    layers = hl.layers
    model = hl.Sequential(
        [
            layers.Rescaling(0.5, input_shape=(2, 3)),
            layers.Flatten(),
            layers.Dense(5, "relu", kernel_regularizer="l1_l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Reshape((1, 5)),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    optimizer = hl.optimizers.AdamW(hl.schedules.CosineDecayRestarts(0.01, 20))
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    metrics = ["accuracy", "auc", hl.metrics.F1Score()]
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=metrics)
    model.fit(X.reshape(-1, 2, 3), np.arange(20) % 3, epochs=1, batch_size=4, steps_per_epoch=3, verbose=0)
    return model


def branched() -> hl.Model:
    x, z = hl.Input((6,), name="x"), hl.Input((6,), name="z")
    shared = hl.layers.Dense(4, "tanh")
    merged = hl.layers.Concatenate()([shared(x), hl.layers.Add()([shared(z), shared(x)])])
    return hl.Model([x, z], [hl.layers.Dense(2, name="a")(merged), hl.layers.Dense(1, name="b")(merged)])


def make(kind: str, path: Path) -> None:
    if kind == "trained":
        trained().save(path)
    elif kind == "branched":
        branched().save(path)
    elif kind == "weights":
        trained().save_weights(path)
    else:
        data = X.reshape(-1, 2, 3) if kind == "int8" else None
        hl.quantize_model(trained(), calibration_data=data, precision=kind).save(path)


def places(thing: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    items = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    for key, value in items:
        yield thing, key
        yield from places(value)


def change(value: Any, rng: random.Random) -> None:
    """Change one place of a JSON value: other numbers, other types, gone, twice, or another place's value."""
    every = list(places(value))
    holder, key = rng.choice(every)
    what = rng.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder += [copy.deepcopy(holder[key]) for _ in range(rng.choice([1, 2, 50]))]
    elif what == 2:
        other, name = rng.choice(every)
        holder[key] = copy.deepcopy(other[name])
    elif what == 3 and isinstance(holder[key], int | float):
        holder[key] = holder[key] * rng.choice([-1, 2, 1000, 2**20]) + rng.choice([0, 1])
    elif what == 4 and isinstance(holder, dict):
        holder[rng.choice(["units", "name", "class_name", "config", "axis", "x"])] = copy.deepcopy(
            rng.choice(JUNK)
        )
    else:
        holder[key] = copy.deepcopy(rng.choice(JUNK))


def signed(found: container.Container, rng: random.Random) -> bytes:
    """The file with a few things changed and a digest that fits."""
    config, tensors = json.loads(json.dumps(found.config)), dict(found.tensors)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if rng.random() < 0.85 or not tensors:
            change(config, rng)
            if not config:
                break
            continue
        name = rng.choice(sorted(tensors))
        array = tensors.pop(name)
        if rng.random() < 0.8:
            other = [array[:1], array.astype("f8"), array.reshape(-1), array.view("u1"), array * 0 + np.nan]
            tensors[rng.choice([name, name, "weights/x", "optimizer/m"])] = rng.choice(other)
    metadata = {
        "format": container.FORMAT,
        "format_version": str(container.FORMAT_VERSION),
        "kind": rng.choice([found.kind] * 20 + ["model", "weights", "quantized_model", ""]),
        "config": json.dumps(config),
    }
    metadata["sha256"] = container._digest(metadata, tensors)
    return b"".join(bytes(piece) for piece in container._pieces(metadata, tensors))


def torn(content: bytes, rng: random.Random) -> bytes:
    """The file's bytes with some flipped, cut out, or put in."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 4, 30])):
        at = rng.randrange(min(len(changed), rng.choice([16, 300, len(changed)])) or 1)
        what = rng.randrange(4)
        if what == 0:
            changed[at : at + 1] = bytes([rng.randrange(256)])
        elif what == 1:
            del changed[at : at + rng.choice([1, 8, 1000])]
        elif what == 2:
            changed[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 8])))
        else:
            changed[at:at] = rng.choice([b"[" * 500, b"9" * 30, b'"', b"{}", b",", b"\xff\xff"])
    return bytes(changed)


def load(path: Path, read: Callable[[Path], Any]) -> None:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ValueError):  # nothing else, a MemoryError neither
            read(path)
    assert time.process_time() - start < 2, path.read_bytes()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000, path.read_bytes()  # KiB


@pytest.mark.parametrize("kind", ["trained", "branched", "weights", "int8", "int8_dynamic", "bf16"])
def test_changed_files_are_loaded_or_refused(tmp_path: Path, kind: str) -> None:
    make(kind, tmp_path / "good")
    content, found = (tmp_path / "good").read_bytes(), container.read_container(tmp_path / "good")
    target = trained()
    rng = random.Random(kind)
    for number in range(ROUNDS):
        replace_file(tmp_path / "bad", torn(content, rng) if number % 5 == 0 else signed(found, rng))
        load(tmp_path / "bad", target.load_weights if kind == "weights" else hl.load_model)
