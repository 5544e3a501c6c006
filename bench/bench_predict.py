"""Prediction with a frozen session, and with the model itself, against the same network in NumPy.

pytest bench/bench_predict.py --benchmark-enable

`hotloop bench --peers --only inference,one-row` has ONNX Runtime and OpenVINO beside it too.
"""

import numpy as np
import pytest

import hotloop as hl
from hotloop.benchmark.groups.inference import probabilities
from hotloop.benchmark.networks import NETWORKS
from side_by_side import in_turns


@pytest.mark.parametrize("batch", [1, 32, 256])
@pytest.mark.parametrize("name", ["mlp64", "mlp512", "mlp2048"])
def test_predict(name, batch, benchmark, tell):
    network = NETWORKS[name]
    model, (x, _) = network.model(), network.data(batch)
    session = hl.freeze(model, batch_size=batch)
    *hidden, (last, last_bias) = zip(network.weights()[::2], network.weights()[1::2], strict=True)

    def numpy() -> np.ndarray:
        values = x
        for kernel, bias in hidden:
            values = np.maximum(values @ kernel + bias, 0)
        values = values @ last + last_bias
        values = np.exp(values - values.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)

    sides = {
        "session": lambda: session.run(x),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "NumPy": numpy,
    }
    for run in sides.values():
        np.testing.assert_allclose(run(), probabilities(network, x), atol=1e-5)
    if not benchmark.enabled:
        return
    tell({side: 1e6 * value for side, value in in_turns(sides).items()})
    benchmark.pedantic(sides["session"], rounds=3)
