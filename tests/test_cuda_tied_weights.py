"""Training of models that share single parameters has the CPU's bits on a GPU."""

from __future__ import annotations

import numpy as np
import pytest

import cuda_half

cuda_half.load()

from tied_models import FEATURES, TIED, tied_model  # noqa: E402 - the stand-in's folder is known now


@pytest.mark.parametrize("name", TIED)
def test_training_gives_the_cpus_bits(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(24, FEATURES)).astype(np.float32)
    trained = []
    for where in ("cpu", "cuda"):
        model = tied_model(name, device=where)
        zeros = np.zeros((24, *model.outputs[0].sample_shape), np.float32)
        model.fit(x, zeros, batch_size=8, epochs=2, verbose=0)
        assert model.device == where
        trained.append([w.tobytes() for w in model.get_weights()])
    assert trained[0] == trained[1]
