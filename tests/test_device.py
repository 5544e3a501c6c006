"""Choosing a device where there may be no GPU: everything that lacks is said, and nothing changes."""

import os
import subprocess
import sys
import types

import numpy as np
import pytest

import hotloop as hl
from hotloop.device import choice
from hotloop.device.gpu import cuda_text


@pytest.fixture
def no_gpu(monkeypatch):
    """As if no GPU had been asked for yet, and CUDA had not been built."""
    monkeypatch.setattr(choice, "_gpu", None)
    monkeypatch.setattr(choice, "_default", None)
    monkeypatch.delattr(hl, "_cuda", raising=False)
    monkeypatch.setitem(sys.modules, "hotloop._cuda", None)


def built(monkeypatch, problem=None):
    """As if CUDA had been built, for a GPU that may have a problem."""
    half = types.ModuleType("hotloop._cuda")

    def require_device():
        if problem:
            raise RuntimeError(problem)

    half.require_device = require_device
    half.device_info = lambda: {"name": "Tester", "capability": (9, 0), "driver": 13010}
    monkeypatch.setitem(sys.modules, "hotloop._cuda", half)
    monkeypatch.setattr(hl, "_cuda", half, raising=False)


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def small():
    hl.set_seed(1)
    return hl.Sequential([hl.layers.Dense(3, "relu", input_shape=(4,)), hl.layers.Dense(2)])


@pytest.mark.usefixtures("no_gpu")
def test_without_the_cuda_half_the_way_to_get_it_is_told():
    for ask in (
        lambda: hl.set_device("cuda"),
        lambda: small().compile("sgd", "mse", device="cuda"),
        lambda: setattr(small(), "device", "cuda"),
    ):
        with pytest.raises(RuntimeError, match=r"built without CUDA.*pip install '\.\[cuda13\]' -C cmake"):
            ask()
    assert hl.get_device() == "cpu"


@pytest.mark.usefixtures("no_gpu")
def test_a_failed_compile_leaves_the_model_as_it_was():
    model = small()
    model.compile("adam", "mse")
    optimizer, weights = model.optimizer, model.get_weights()
    with pytest.raises(RuntimeError, match="built without CUDA"):
        model.compile("sgd", "mse", device="cuda")
    assert model.optimizer is optimizer
    assert model.device == "cpu"
    model.fit(np.ones((8, 4), "f4"), np.ones((8, 2), "f4"), verbose=0)
    assert model.get_weights()[0].shape == weights[0].shape


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_its_problem_is_told(monkeypatch):
    built(monkeypatch, "device 'cuda': there is no GPU that this process may use")
    with pytest.raises(RuntimeError, match="there is no GPU"):
        hl.set_device("cuda")


@pytest.mark.usefixtures("no_gpu")
def test_without_cupy_the_extra_is_named(monkeypatch):
    built(monkeypatch)
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r"CuPy.*not installed.*cuda13"):
        hl.set_device("cuda")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpu", "unknown device 'gpu'; did you mean 'cuda'. Known: cpu, cuda"),
        ("GPU:0", "did you mean 'cuda'"),
        ("cp", "did you mean 'cpu'"),
        ("cuda:1", "CUDA_VISIBLE_DEVICES"),
    ],
)
def test_unknown_devices_are_refused(name, expected):
    with pytest.raises(ValueError, match=expected):
        hl.set_device(name)


def test_no_name_is_no_device():
    before, model = hl.get_device(), small()
    for ask in (lambda: hl.set_device(None), lambda: setattr(model, "device", None)):
        with pytest.raises(TypeError, match="device: expected 'cpu' or 'cuda', got NoneType"):
            ask()
    assert hl.get_device() == model.device == before


@pytest.mark.usefixtures("no_gpu")
def test_the_report_says_what_there_is_of_cuda(monkeypatch):
    lines = []
    hl.show_config(print_fn=lines.append)
    assert any(line.split() == ["CUDA:", "not", "built"] for line in lines)
    built(monkeypatch, "device 'cuda': no NVIDIA driver answers")
    assert cuda_text() == "built, no GPU: no NVIDIA driver answers"
    built(monkeypatch)
    assert cuda_text().startswith("Tester, compute capability 9.0, driver 13.1")


def test_nobody_imports_cupy_unasked():
    code = """
import sys, numpy as np, hotloop as hl
m = hl.Sequential([hl.layers.Dense(2, input_shape=(3,))])
m.compile("sgd", "mse")
m.fit(np.ones((4, 3), "f4"), np.ones((4, 2), "f4"), verbose=0)
hl.kernels.gemm(np.ones((2, 3), "f4"), m.get_weights()[0])
hl.show_config(print_fn=lambda line: None)
assert "cupy" not in sys.modules
"""
    assert run(code).returncode == 0


def test_the_environment_sets_the_default_device():
    ask = "import hotloop as hl; print(hl.get_device())"
    assert run(ask, HOTLOOP_DEVICE="cpu").stdout.strip() == "cpu"
    assert "HOTLOOP_DEVICE in the environment: unknown device 'tpu'" in run(ask, HOTLOOP_DEVICE="tpu").stderr


def test_tf32_on_the_cpu_is_float32(rng):
    x, y = rng.standard_normal((40, 4)).astype("f4"), rng.standard_normal((40, 2)).astype("f4")
    results = []
    for precision in ("float32", "tf32"):
        model = small()
        model.compile("adam", "mse", precision=precision)
        model.fit(x, y, epochs=2, verbose=0)
        results.append(b"".join(w.tobytes() for w in model.get_weights()))
    assert results[0] == results[1]


def test_arrays_of_other_libraries_come_by_dlpack(rng):
    class Foreign:
        """Nothing but DLPack, in the CPU's memory."""

        def __init__(self, array):
            self.array = array

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

    x = rng.standard_normal((5, 4)).astype("f4")
    model = small()
    assert np.array_equal(model.predict(Foreign(x)), model.predict(x))
