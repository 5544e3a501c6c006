"""What goes wrong on a GPU becomes a Python exception that names the op, and is then over."""

import numpy as np
import pytest

import cuda_half
import hotloop as hl
from hotloop.training import staging

cuda_half.load()

import cupy  # noqa: E402 - the stand-in's folder is known now

# A fault of a real GPU ends its context, and with it all tests that would follow.
pytestmark = pytest.mark.skipif(not cuda_half.is_emulated(), reason="only the emulator faults on demand")


def trained(epochs: int) -> hl.Sequential:
    model = hl.Sequential(
        [
            hl.layers.Dense(9, input_shape=(5,)),
            hl.layers.BatchNormalization(),
            hl.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy", device="cuda")
    x, y = np.ones((16, 5), "f4"), np.arange(16) % 3
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)
    return model


@pytest.mark.parametrize("launch", [1, 5, 40])  # while steps are captured, and while they are replayed
def test_a_fault_in_training_names_the_ops(monkeypatch, launch):
    model = trained(1)
    monkeypatch.setenv("HOTLOOP_EMULATOR_FAULT", str(launch))
    x, y = np.ones((16, 5), "f4"), np.arange(16) % 3
    with pytest.raises(RuntimeError, match=r"launch failure.*batch normalisation.*HOTLOOP_CUDA_SYNC"):
        model.fit(x, y, batch_size=8, epochs=9, verbose=0)
    monkeypatch.delenv("HOTLOOP_EMULATOR_FAULT")
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    assert np.isfinite(model.predict(x)).all()


@pytest.mark.parametrize("way", ["predict", "session", "evaluate", "streamed"])
def test_a_fault_in_predicting_names_the_ops(monkeypatch, way):
    model, x, y = trained(1), np.ones((400, 5), "f4"), np.zeros(400)
    session = hl.freeze(model)
    if way == "streamed":
        monkeypatch.setattr(cupy.cuda, "most_bytes", 90_000)
    streams, real = [], staging.Streamed.evaluate
    monkeypatch.setattr(staging.Streamed, "evaluate", lambda *given: (streams.append(1), real(*given))[1])
    ask = {"predict": lambda: model.predict(x), "session": lambda: session.run(x)}.get(
        way, lambda: model.evaluate(x, y, verbose=0)
    )
    expected = ask()
    assert bool(streams) == (way == "streamed")
    monkeypatch.setenv("HOTLOOP_EMULATOR_FAULT", "2")
    with pytest.raises(RuntimeError, match=r"launch failure.*gemm, batch normalisation.*HOTLOOP_CUDA_SYNC"):
        ask()
    monkeypatch.delenv("HOTLOOP_EMULATOR_FAULT")
    assert np.array_equal(ask(), expected)
