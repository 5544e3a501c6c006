"""The peers' side of `hotloop bench`: every library computes what hotloop does, as far as it is installed."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from hotloop.benchmark.groups import products, training
from hotloop.benchmark.networks import Network
from hotloop.benchmark.row import OURS

SMALL = Network("small", (12, 16, 8, 4), 8, 96)


def in_a_process(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("layout", products.LAYOUTS)
def test_openblas_in_its_own_process_computes_the_same(layout):
    from hotloop.benchmark.peers import openblas

    a, b, _ = products.operands((9, 5, 7), layout)
    side = openblas.product((9, 5, 7), layout)
    assert side.seconds(3) > 0
    np.testing.assert_allclose(side.result(), a @ b, rtol=1e-5, atol=1e-5)


def follows(peer) -> None:
    x, y = SMALL.data(SMALL.rows)
    theirs = peer(SMALL, x, y)
    training.check(SMALL, training.OwnTraining(SMALL, x, y), [theirs], 0.1)
    before = theirs.weights()
    theirs.epoch()
    assert any((old != new).any() for old, new in zip(before, theirs.weights(), strict=True))


def test_numpy_trains_as_hotloop_does():
    from hotloop.benchmark.peers import numpy

    follows(numpy.Training)


def test_pytorch_trains_and_multiplies_as_hotloop_does():
    pytest.importorskip("torch")
    from hotloop.benchmark.peers import pytorch

    follows(pytorch.Training)
    for layout in products.LAYOUTS:
        a, b, out = products.operands((9, 5, 7), layout)
        products._check([products.own_product(OURS, a, b, out), *pytorch.products(a, b)], a, b, 1e-5)
        products._check([pytorch.bfloat16_product(a, b)], a, b, 0.05)


# The other libraries stay out of this process: some object to its forks, and their threads would stay.


def test_jax_trains_as_hotloop_does():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    in_a_process("""
from hotloop.benchmark.groups.training import OwnTraining, check
from hotloop.benchmark.networks import Network
from hotloop.benchmark.peers.jax_scan import Training
network = Network("small", (12, 16, 8, 4), 8, 96)
x, y = network.data(network.rows)
theirs = Training(network, x, y)
check(network, OwnTraining(network, x, y), [theirs], 0.1)
before = theirs.weights()
theirs.epoch()
assert any((old != new).any() for old, new in zip(before, theirs.weights()))
""")


def test_litert_predicts_as_numpy_does():
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("ai-edge-litert is not installed")
    in_a_process("""
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.groups import chains
from hotloop.benchmark.peers import litert
(_, layers), calibration = chains.network(), chains.data(256)
x = calibration[:1]
same_values({"float32": litert.float32(layers, 1)(x)}, chains.expected(x), 1e-5)
_, bare = litert.bare_int8(layers, calibration, x, 1)
for predict in (litert.int8(layers, calibration, 1), bare):
    same_values({"int8": predict(x)}, chains.expected(x), 0.6)
""")


@pytest.mark.parametrize(
    ("library", "int8"),
    [
        ("onnxruntime", "[peer.static_int8(weights, calibration, 1), peer.dynamic_int8(weights, 1)]"),
        ("openvino", "[peer.int8(weights, calibration, 1)]"),
    ],
)
def test_inference_peers_predict_as_numpy_does(library, int8):
    for needed in ("onnx", "onnxruntime", library):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    in_a_process(f"""
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.groups.inference import probabilities
from hotloop.benchmark.networks import Network
from hotloop.benchmark.peers import {library} as peer
network = Network("small", (12, 16, 8, 4), 8, 96)
weights, (calibration, _) = network.weights(), network.data(256)
for rows in (1, 32):
    x, _ = network.data(rows)
    expected = probabilities(network, x)
    same_values({{"float32": peer.float32(weights, 1)(x)}}, expected, 1e-4)
    for predict in {int8}:
        same_values({{"int8": predict(x)}}, expected, 0.2)
""")
